/** A model fills in the arguments of its tools as it likes: the caller is served all the same. */
import { describe } from "vitest";
import type { ScriptedCall } from "../../sim/model/script.js";
import { asks, GREETING, over, startHandover, toolTurn } from "../fakes/handover.js";
import { it } from "../fakes/it-closing.js";

describe.concurrent("odd arguments of transfer_call", () => {
  const long = { reason: "r".repeat(600), summary: "s".repeat(5_000) };
  it.for<[string, ScriptedCall["arguments"], object]>([
    ["texts that are too long", { destination: "desk", ...long }, {}],
    ["null", { destination: "desk", reason: null, summary: null, urgency: null }, { reason: null }],
    ["a list", { destination: "desk", reason: ["late", "lost"] }, { reason: "late; lost" }],
    ["critical urgency", { destination: "desk", urgency: "critical" }, { urgency: "high" }],
    ["urgency in capitals", { destination: "desk", urgency: "HIGH" }, { urgency: "high" }],
    ["an unknown urgency", { destination: "desk", urgency: "now-ish" }, { urgency: null }],
    ["a further field", { destination: "desk", mood: "angry" }, {}],
    ["no reason", { destination: "desk" }, { reason: null }],
    ["JSON that is cut off", '{"destination":"desk","reason":"the order is', {}],
  ])("reach the person: %s", async ([_, given, transfer], { closes, expect }) => {
    const call = { name: "transfer_call", arguments: given };
    const on = closes(await startHandover({ turns: [{ say: GREETING }, toolTurn(call)] }));
    const caller = await asks(on);
    await caller.events.until("dial_bridged");
    await caller.ended;
    await over(on, caller.sid);
    expect(on.record(caller.sid).transfer).toMatchObject({
      destination: "desk",
      outcome: "answered",
      ...transfer,
    });
  });
});
