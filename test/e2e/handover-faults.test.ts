import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Script, ScriptedCall, Turn } from "../../sim/model/script.js";
import type { ModelSession } from "../../sim/model/session.js";
import type { Party } from "../../sim/twilio/party.js";
import { asks, BYE, GREETING, over, question, startHandover, toolTurn } from "../fakes/handover.js";
import { hears } from "../fakes/heard-call.js";
import { it } from "../fakes/it-closing.js";

const BACK = { text: "The line is busy.", audio: speechLike(300, 3) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(300, 4) };
const LONG = { text: "Let me tell you all of it.", audio: speechLike(2_500, 5) };
const MOST_SILENCE_MS = 8_000;

const transferTo = (destination: string): ScriptedCall => ({
  name: "transfer_call",
  arguments: { destination, reason: "asked" },
});
const endCall: ScriptedCall = { name: "end_call", arguments: { reason: "done" } };

describe.concurrent("REST that answers 200 and does nothing", () => {
  it.for([1, 100])(
    "(%i times) still puts the caller through, without a long silence",
    async (times, { closes, expect }) => {
      const on = closes(
        await startHandover({ turns: [{ say: GREETING }, toolTurn(transferTo("desk"))] }),
      );
      on.twilio.failRest({ operation: "calls.update", kind: "200_ignored", times });
      const call = await asks(on);
      await call.events.until("dial_bridged", {}, 15_000);
      await call.ended;
      await over(on, call.sid);
      expect(on.twilio.longestSilence(call).ms).toBeLessThanOrEqual(MOST_SILENCE_MS);
      expect(on.record(call.sid)).toMatchObject({
        outcome: "transferred",
        transfer: { outcome: "answered" },
      });
    },
  );

  it("ends a call that the agent has ended", async ({ closes, expect }) => {
    const on = closes(await startHandover({ turns: [{ say: GREETING }, toolTurn(endCall)] }));
    on.twilio.failRest({ operation: "calls.update", kind: "200_ignored", times: 100 });
    const call = await asks(on);
    await call.ended;
    await over(on, call.sid);
    expect(on.record(call.sid)).toMatchObject({ outcome: "completed", endReason: "done" });
  });
});

describe.concurrent("after a transfer that has failed", () => {
  const busyOnce = (): ((to: string) => Party) => {
    let calls = 0;
    return () => (calls++ === 0 ? { outcome: "busy" } : { talkMs: 300 });
  };
  /** What the second session's agent does at the caller's words. */
  const back = (last: Turn): Script => ({
    turns: ({ sessionIndex, index }) => {
      if (sessionIndex === 0) return index === 0 ? { say: GREETING } : toolTurn(transferTo("desk"));
      const calls = [{ name: "lookup_order", arguments: { query: "4217" } }];
      return [{ say: BACK }, { calls }, { say: ANSWER }][index] ?? last;
    },
  });

  it.for<[string, ScriptedCall, object]>([
    ["transfer_call", transferTo("desk"), { outcome: "transferred" }],
    ["end_call", endCall, { outcome: "completed", endReason: "done" }],
  ])(
    "tools and %s work, and the session's instructions stay",
    async ([_, last, record], { closes, expect }) => {
      const on = await startHandover(back({ say: BYE, calls: [last] }), {
        twilio: { callees: busyOnce() },
      });
      closes(on);
      const call = await asks(on);
      await hears(call, BACK.audio);
      await call.say(question);
      await hears(call, ANSWER.audio);
      await call.say(question);
      await call.ended;
      await over(on, call.sid);
      expect(on.record(call.sid)).toMatchObject(record);
      expect(on.record(call.sid).tools).toContainEqual(
        expect.objectContaining({ name: "lookup_order", outcome: "ok" }),
      );
      expect(instructionsOfResponses(on.model.sessions[1]!)).toEqual([]);
      expect(on.model.violations()).toEqual([]);
    },
  );
});

/** Instructions that took the place of the session's own in single responses. */
function instructionsOfResponses({ events }: ModelSession): string[] {
  return events
    .filter(({ type }) => type === "response.create")
    .map((event) => /"instructions":"(.*?)"/.exec(JSON.stringify(event))?.[1] ?? "")
    .filter((text) => text !== "");
}

describe.concurrent("end_call and transfer_call in one response", () => {
  it.for<[string, ScriptedCall, ScriptedCall]>([
    ["end_call first", endCall, transferTo("desk")],
    ["transfer_call first", transferTo("desk"), endCall],
  ])("transfer the caller: %s", async ([_, first, second], { closes, expect }) => {
    const on = closes(await startHandover({ turns: [{ say: GREETING }, toolTurn(first, second)] }));
    const call = await asks(on);
    await call.events.until("dial_bridged");
    await call.ended;
    await hears(call, BYE.audio);
    await over(on, call.sid);
    expect(on.record(call.sid)).toMatchObject({ outcome: "transferred" });
  });
});

describe.concurrent("a farewell that is generated while earlier words play", () => {
  it("is heard to its end before the call ends", async ({ closes }) => {
    const lookUp = { name: "lookup_order", arguments: { query: "4217" } };
    const turns = [{ say: GREETING }, { say: LONG, calls: [lookUp] }, toolTurn(endCall)];
    const on = closes(await startHandover({ turns }));
    const call = await asks(on);
    await call.ended;
    await over(on, call.sid);
    await hears(call, LONG.audio);
    await hears(call, BYE.audio);
  });
});
