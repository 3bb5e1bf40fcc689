/** Tool modules on the real relay: what one of them does must not reach the other calls. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { agent } from "../fakes/call-bench.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(200, 1) };
const ANSWER = { text: "Done.", audio: speechLike(200, 2) };
const question = speechLike(700, 4);
const OTHERS = 5;
/**
 * A process starts within it on a machine that is busy with other tests: tool processes come after
 * everything else.
 */
const TIMEOUT_MS = 15_000;

const folder = mkdtempSync(join(tmpdir(), "murelay-e2e-tools-"));
const module = join(folder, "unruly.mjs");
writeFileSync(
  module,
  `import { defineTool } from "murelay";
const acts = {
  loops: () => { for (;;) {} },
  exits: () => process.exit(1),
  throws: () => new Promise(() => setTimeout(() => { throw new Error("in a timer"); }, 5)),
  fine: () => ({ fine: true }),
};
export default defineTool({
  description: "Does as it is told",
  parameters: { type: "object", properties: { do: { type: "string" } } },
  timeoutMs: ${TIMEOUT_MS},
  run: (args) => acts[args.do](),
});
`,
);

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a tool module that misbehaves", { timeout: 120_000 }, () => {
  it.each([
    ["loops", "timeout"],
    ["exits", "error"],
    ["throws", "error"],
  ])("and %s costs its own tool call, and no other call a word", async (act, outcome) => {
    let asked = 0;
    const profile = agent({
      tools: [
        {
          name: "unruly",
          description: "",
          parameters: { type: "object" },
          source: { kind: "module", path: module },
          timeoutMs: TIMEOUT_MS,
          sayWhileWaiting: null,
        },
      ],
    });
    const made = await startStage(
      {
        turns: ({ index }) => {
          if (index === 0) return { say: GREETING };
          if (index > 1) return { say: ANSWER };
          // The first caller's tool misbehaves, the others' are fine.
          const what = asked++ === 0 ? act : "fine";
          return { calls: [{ name: "unruly", arguments: { do: what } }] };
        },
      },
      {
        agents: {
          agents: new Map([[profile.name, profile]]),
          numbers: new Map(),
          defaultAgent: profile.name,
        },
      },
    );
    stage = made;
    const first = made.twilio.placeCall();
    await first.events.until("first_media");
    await first.say(question);
    await expect.poll(() => asked, { timeout: 10_000 }).toBe(1);
    await made.until(first.sid, "tool");
    const others = await Promise.all(
      Array.from({ length: OTHERS }, async () => {
        const call = made.twilio.placeCall();
        await call.events.until("first_media");
        await call.say(question);
        await made.until(call.sid, "tool");
        return call;
      }),
    );
    expect(made.record(first.sid).tools).toMatchObject([{ name: "unruly", outcome }]);
    for (const call of others)
      expect(made.record(call.sid).tools).toMatchObject([
        { name: "unruly", outcome: "ok", output: '{"fine":true}' },
      ]);
    for (const call of [first, ...others]) {
      // The model goes on with the answer, whatever it is.
      await expect
        .poll(() => made.record(call.sid).turns.some(({ text }) => text === ANSWER.text), {
          timeout: 10_000,
        })
        .toBe(true);
      call.hangUp();
      await call.ended;
    }
    expect(made.twilio.violations()).toEqual([]);
  });
});
