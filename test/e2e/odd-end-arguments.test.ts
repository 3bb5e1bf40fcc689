/** A model fills in the arguments of its tools as it likes: the caller is served all the same. */
import { afterEach, describe, expect, it } from "vitest";
import type { ScriptedCall } from "../../sim/model/script.js";
import { asks, BYE, GREETING, over, startHandover, toolTurn } from "../fakes/handover.js";
import { hears } from "../fakes/heard-call.js";
import type { Stage } from "../fakes/stage.js";

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

async function start(...args: Parameters<typeof startHandover>): Promise<Stage> {
  stage = await startHandover(...args);
  return stage;
}

describe("odd arguments of end_call", () => {
  it.each<[string, ScriptedCall["arguments"]]>([
    ["a reason that is too long", { reason: "r".repeat(600) }],
    ["null", { reason: null }],
    ["null in place of an object", "null"],
    ["a list", { reason: ["done"] }],
    ["a further field", { reason: "done", mood: "happy" }],
    ["none", {}],
    ["an empty text", ""],
    ["JSON that is cut off", '{"reason":"do'],
  ])("end the call after the farewell: %s", async (_, given) => {
    const call = { name: "end_call", arguments: given };
    const on = await start({ turns: [{ say: GREETING }, toolTurn(call)] });
    const caller = await asks(on);
    await caller.ended;
    await hears(caller, BYE.audio);
    await over(on, caller.sid);
    expect(on.record(caller.sid)).toMatchObject({ outcome: "completed" });
    expect(on.model.sessions).toHaveLength(1);
  });
});
