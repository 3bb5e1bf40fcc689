import { expect, it } from "vitest";
import { ruleScript } from "../../sim/model/rule-script.js";
import { STILL_THERE } from "../../src/relay/call/prompts.js";

const session = { config: {}, conversation: { all: () => [] } };

it.each([
  [STILL_THERE, "Are you still there?"],
  ['Say exactly this: "Goodbye."', "Goodbye."],
  ["Say in one short sentence that you are back.", "One moment, please."],
])("says what a response is asked for: %s", (request, said) => {
  const script = ruleScript(session as unknown as Parameters<typeof ruleScript>[0], {});
  const { turns } = script;
  const context = { request, outputs: [] } as never;
  const turn = typeof turns === "function" ? turns(context) : null;
  expect(turn).toMatchObject({ say: said });
});
