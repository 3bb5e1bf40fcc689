/** Named operators with their roles, at a whole relay between the simulators. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { addOperator } from "../../src/cli/operator-command.js";
import { FakeIo } from "../fakes/fake-io.js";
import { type Stage, startStage } from "../fakes/stage.js";

const CALLER = "+15550100001";
const MASKED = "+1••••••••01";
const tokens = new Map<string, string>();
let home: string;
let stage: Stage;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "murelay-roles-"));
  const file = join(home, "operators.yaml");
  for (const role of ["viewer", "supervisor", "admin"]) {
    const io = new FakeIo({});
    await addOperator(io, `a-${role}`, { role, file, json: true });
    tokens.set(role, (JSON.parse(io.text) as { token: string }).token);
  }
  stage = await startStage(
    { turns: [{ say: { text: "Hello.", audio: speechLike(400, 1) } }] },
    { env: { OPERATORS_FILE: file } },
  );
}, 30_000);
afterAll(async () => {
  await stage?.close();
  rmSync(home, { recursive: true, force: true });
});

function ask(role: string, path: string, body?: object): Promise<Response> {
  return fetch(`http://127.0.0.1:${stage.adminPort}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      authorization: `Bearer ${tokens.get(role) ?? "wrong"}`,
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** What an event stream says until the wanted word. */
async function read(response: Response, wanted: string): Promise<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(wanted)) text += (await reader.read()).value ?? "";
  await reader.cancel();
  return text;
}

describe("operators of OPERATORS_FILE", () => {
  it("see numbers or masked numbers in JSON, CSV and events, by role", async () => {
    const streams = await Promise.all(
      ["viewer", "supervisor"].map((role) => ask(role, "/api/events")),
    );
    const call = stage.twilio.placeCall({ from: CALLER });
    const [masked = "", whole = ""] = await Promise.all(
      streams.map((stream) => read(stream, '"stream_started"')),
    );
    expect([masked.includes(MASKED), masked.includes(CALLER)]).toEqual([true, false]);
    expect(whole).toContain(CALLER);
    await stage.until(call.sid, "agent_heard");
    for (const path of [`/api/calls/${call.sid}`, "/api/calls", "/api/calls?format=csv"]) {
      const viewed = await (await ask("viewer", path)).text();
      expect([path, viewed.includes(MASKED)]).toEqual([path, true]);
      expect(viewed).not.toContain(CALLER);
      expect(await (await ask("supervisor", path)).text()).toContain(CALLER);
    }
    for (const query of ["q=0100001", "from=%2B15550100001"]) {
      expect((await ask("viewer", `/api/calls?${query}`)).status).toBe(403);
      expect((await ask("supervisor", `/api/calls?${query}`)).status).toBe(200);
    }
    call.hangUp();
    await stage.until(call.sid, "ended");
  });

  it("may do what their role allows; the record and the audit log have their names", async () => {
    const call = stage.twilio.placeCall({ from: CALLER });
    await stage.until(call.sid, "agent_heard");
    const one = `/api/calls/${call.sid}`;
    const note = { text: "A vip." };
    expect((await ask("viewer", `${one}/note`, note)).status).toBe(403);
    expect((await ask("nobody", `${one}/note`, note)).status).toBe(401);
    expect((await ask("supervisor", `${one}/note`, note)).status).toBe(202);
    expect((await ask("admin", `${one}/end`, {})).status).toBe(202);
    await stage.until(call.sid, "ended");
    expect(
      stage.record(call.sid).events.filter(({ name }) => name.startsWith("supervisor")),
    ).toMatchObject([
      { name: "supervisor_note", fields: { by: "a-supervisor" } },
      { name: "supervisor_end", fields: { by: "a-admin" } },
    ]);
    expect((await ask("supervisor", "/api/audit")).status).toBe(403);
    const audit = await (await ask("admin", `/api/audit?callSid=${call.sid}`)).json();
    expect(audit).toMatchObject({
      entries: [
        { operator: "a-admin", role: "admin", action: "end", status: 202 },
        { operator: "a-supervisor", role: "supervisor", action: "note", status: 202 },
      ],
    });
    expect(await stage.metrics()).toMatch(/auth_failures_total\{.*surface="api".*\} 1/);
  });
});
