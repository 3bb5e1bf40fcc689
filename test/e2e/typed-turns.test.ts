/** Turns of the caller in text, on the real relay between the strict simulators. */
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { ruleScript } from "../../sim/model/rule-script.js";
import type { Script } from "../../sim/model/script.js";
import { heardMs } from "../../sim/twilio/heard.js";
import type { CallSid } from "../../src/domain/ids.js";
import { type Stage, startStage } from "../fakes/stage.js";

let stage: Stage | null = null;
afterEach(async () => await stage?.close());

async function talk(script: Script | (() => Script)) {
  stage = await startStage(script);
  const { twilio, app } = stage;
  const call = twilio.placeCall();
  await call.events.until("first_media", {}, 10_000);
  const type = (text: string) => app.execute(call.sid as CallSid, { type: "caller_typed", text });
  return { stage, call, type };
}

const LONG = { text: "One two three four five six seven eight.", audio: speechLike(8_000, 1) };
/** The machine may be busy. */
const PATIENT = { timeout: 10_000 };
const ANSWER = { text: "Yes.", audio: speechLike(300, 2) };

describe("a turn of the caller in text", () => {
  it("interrupts what the agent says, which the model's memory is cut to, and is answered once", async () => {
    const { stage: s, call, type } = await talk({ turns: [{ say: LONG }, { say: ANSWER }] });
    const heard = () => (call.stream === null ? null : heardMs(call.stream, LONG.audio));
    await expect.poll(heard, PATIENT).toBeGreaterThan(500);
    expect(await type("Stop, please")).toBeNull();
    await expect.poll(() => s.record(call.sid).turns.at(-1)?.heardText, PATIENT).toBe("Yes.");
    const [greeting, caller, answer] = s.record(call.sid).turns;
    expect(greeting?.interruptedAtMs).not.toBeNull();
    expect(greeting?.heardText?.length).toBeLessThan(LONG.text.length);
    expect(caller).toMatchObject({ who: "caller", text: "Stop, please" });
    expect(answer).toMatchObject({ who: "agent", text: "Yes.", interruptedAtMs: null });
    const [session] = s.model.sessions;
    expect(session?.truncations.map(({ accepted }) => accepted)).toEqual([true]);
    expect(session?.responses).toHaveLength(2);
    expect([...s.model.violations(), ...s.twilio.violations()]).toEqual([]);
  });

  it("is answered by a model that follows rules, with a tool of the agent", async () => {
    stage = await startStage(() => ({ turns: [] }), {
      model: { script: (session) => ruleScript(session, { speechMs: 200 }) },
    });
    const { twilio, app, model } = stage;
    const call = twilio.placeCall();
    await call.events.until("first_media", {}, 10_000);
    await expect.poll(() => stage?.record(call.sid).turns[0]?.endedMs, PATIENT).not.toBeNull();
    await app.execute(call.sid as CallSid, { type: "caller_typed", text: "My order 4217?" });
    await expect.poll(() => stage?.record(call.sid).tools[0]?.name, PATIENT).toBe("lookup_order");
    await expect.poll(() => app.isAnswering(call.sid as CallSid), PATIENT).toBe(false);
    expect(stage.record(call.sid).turns.at(-1)?.text).toContain("found");
    expect([...model.violations(), ...twilio.violations()]).toEqual([]);
  });

  it("is refused once the call is over", async () => {
    const { call, type } = await talk({ turns: [{ say: ANSWER }] });
    call.hangUp();
    await call.ended;
    await expect.poll(() => type("Hello?"), PATIENT).not.toBeNull();
  });
});
