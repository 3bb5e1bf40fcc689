/** A model fills in the arguments of its tools as it likes: the caller is served all the same. */
import { describe } from "vitest";
import type { ScriptedCall } from "../../sim/model/script.js";
import { asks, BYE, GREETING, over, startHandover, toolTurn } from "../fakes/handover.js";
import { hears } from "../fakes/heard-call.js";
import { it } from "../fakes/it-closing.js";

describe.concurrent("odd arguments of end_call", () => {
  it.for<[string, ScriptedCall["arguments"]]>([
    ["a reason that is too long", { reason: "r".repeat(600) }],
    ["null", { reason: null }],
    ["null in place of an object", "null"],
    ["a list", { reason: ["done"] }],
    ["a further field", { reason: "done", mood: "happy" }],
    ["none", {}],
    ["an empty text", ""],
    ["JSON that is cut off", '{"reason":"do'],
  ])("end the call after the farewell: %s", async ([_, given], { closes, expect }) => {
    const call = { name: "end_call", arguments: given };
    const on = closes(await startHandover({ turns: [{ say: GREETING }, toolTurn(call)] }));
    const caller = await asks(on);
    await caller.ended;
    await hears(caller, BYE.audio);
    await over(on, caller.sid);
    expect(on.record(caller.sid)).toMatchObject({ outcome: "completed" });
    expect(on.model.sessions).toHaveLength(1);
  });
});
