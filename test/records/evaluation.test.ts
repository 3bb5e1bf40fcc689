import { expect, it } from "vitest";
import { NO_REVIEW } from "../../src/domain/call-review.js";
import { evaluationCase } from "../../src/records/evaluation.js";
import { ended } from "../fakes/record-events.js";
import { call, SEARCHED_CALLS, says } from "../fakes/searched-calls.js";

it("a case has the conversation with its tools in the order in which it happened", () => {
  const record = {
    ...call(1, [says("Where is it?"), ended(9_000)]),
    tools: [
      { name: "find", atMs: 700, arguments: "{}", output: "none", ms: 5, outcome: "ok" as const },
    ],
  };
  const [asked] = record.turns;
  if (asked === undefined) throw new Error("the caller said something");
  const turns = [
    { ...asked, startedMs: 500, endedMs: 600 },
    {
      ...asked,
      who: "agent" as const,
      text: "It is on its way.",
      heardText: "It is",
      startedMs: 900,
      interruptedAtMs: 950,
      voiceToVoiceMs: 300,
    },
    // Never played: it has no time.
    { ...asked, who: "agent" as const, text: "Hello?", heardText: null, startedMs: null },
  ];
  const { messages, ...facts } = evaluationCase({ ...record, turns }, NO_REVIEW);
  expect(facts).toMatchObject({ outcome: "completed", durationMs: 9_000, review: NO_REVIEW });
  expect(messages).toEqual([
    { role: "user", atMs: 500, content: "Where is it?" },
    { role: "tool", atMs: 700, content: "none", name: "find", arguments: "{}", outcome: "ok" },
    {
      role: "assistant",
      atMs: 900,
      content: "It is on its way.",
      heard: "It is",
      interrupted: true,
      voiceToVoiceMs: 300,
    },
    { role: "assistant", atMs: null, content: "Hello?", heard: null },
  ]);
});

it("a live call has no length yet", () => {
  const live = SEARCHED_CALLS.find(({ state }) => state === "live");
  if (live === undefined) throw new Error("one of them is live");
  expect(evaluationCase(live, NO_REVIEW)).toMatchObject({ durationMs: null, outcome: null });
});
