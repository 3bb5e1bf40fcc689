/** What supervisors do in live calls, through the operator API, between the simulators. */
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SipStage, startSipStage } from "../fakes/sip-stage.js";
import { type Stage, startStage } from "../fakes/stage.js";

const HELLO = { text: "Hello.", audio: speechLike(600, 1) };
const SAID = { text: "We pay twenty.", audio: speechLike(700, 2) };

let stage: Stage | SipStage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

async function post(adminPort: number, path: string, body: object) {
  const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.status;
}

async function audit(adminPort: number, callSid: string) {
  const response = await fetch(`http://127.0.0.1:${adminPort}/api/audit?callSid=${callSid}`);
  const { entries } = (await response.json()) as { entries: Record<string, unknown>[] };
  return entries.map(({ operator, action, status }) => [operator, action, status]);
}

describe("a supervisor", () => {
  it("gives the model a note, and words that the caller hears next", async () => {
    const here = await startStage({ turns: [{ say: HELLO }, { say: SAID }] });
    stage = here;
    const call = here.twilio.placeCall();
    await here.until(call.sid, "agent_heard");
    const one = `/api/calls/${call.sid}`;
    expect(await post(here.adminPort, `${one}/note`, { text: "They are a vip." })).toBe(202);
    expect(await post(here.adminPort, `${one}/say`, { text: "We pay twenty." })).toBe(202);
    const heard = () =>
      here.written(call.sid).filter((event) => event.type === "agent_heard").length;
    await expect.poll(heard, { timeout: 10_000 }).toBe(2);
    const told = JSON.stringify(here.model.sessions[0]!.events);
    expect(told.indexOf("They are a vip.")).toBeGreaterThan(0);
    expect(told.indexOf("We pay twenty.")).toBeGreaterThan(told.indexOf("They are a vip."));
    call.hangUp();
    await here.until(call.sid, "ended");
    expect(await post(here.adminPort, `${one}/note`, { text: "late" })).toBe(404);
    expect(
      here.record(call.sid).events.filter(({ name }) => name.startsWith("supervisor")),
    ).toMatchObject([
      { name: "supervisor_note", fields: { by: "admin", text: "They are a vip." } },
      { name: "supervisor_say", fields: { by: "admin", text: "We pay twenty." } },
    ]);
    expect(await audit(here.adminPort, call.sid)).toEqual([
      ["admin", "note", 404],
      ["admin", "say", 202],
      ["admin", "note", 202],
    ]);
    expect(here.model.violations()).toEqual([]);
  });

  it("does the same on the SIP path", async () => {
    const here = await startSipStage();
    stage = here;
    const caller = here.place();
    const call = await here.greeted();
    const one = `/api/calls/${caller.sid}`;
    expect(await post(here.adminPort, `${one}/note`, { text: "They are a vip." })).toBe(202);
    expect(await post(here.adminPort, `${one}/say`, { text: "We pay twenty." })).toBe(202);
    await here.said(call, 2);
    expect(JSON.stringify(call.session!.events)).toMatch(/They are a vip.*We pay twenty/);
    expect(await post(here.adminPort, `${one}/end`, {})).toBe(202);
    await here.until(caller.sid, "ended");
    expect(await audit(here.adminPort, caller.sid)).toEqual([
      ["admin", "end", 202],
      ["admin", "say", 202],
      ["admin", "note", 202],
    ]);
  });
});
