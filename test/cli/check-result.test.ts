import { describe, expect, it } from "vitest";
import { fail, masked, ok, printResults, warn } from "../../src/cli/check-result.js";

async function printed(json: boolean, ...results: readonly ReturnType<typeof ok>[]) {
  const lines: string[] = [];
  const io = {
    out: (line: string) => void lines.push(line),
    err: () => {},
    env: {},
    onSignal: () => {},
  };
  const failed = await printResults(
    io,
    (async function* () {
      yield* results;
    })(),
    json,
  );
  return { failed, text: lines.join("\n") };
}

describe("results of checks", () => {
  const all = [ok("a", "fine"), warn("b", "odd"), fail("long subject", "broken", "mend it")];

  it("are a line each, with the fix behind what was found, and a sum", async () => {
    expect(await printed(false, ...all)).toEqual({
      failed: 1,
      text: [
        "ok    a              fine",
        "warn  b              odd",
        "fail  long subject   broken. Fix: mend it",
        "1 failed, 1 warnings",
      ].join("\n"),
    });
    expect((await printed(false, ok("a", "fine"))).text).toContain("no problems found");
  });

  it("are one object as JSON", async () => {
    const { failed, text } = await printed(true, ...all);
    expect(failed).toBe(1);
    expect(JSON.parse(text)).toEqual({ ok: false, failed: 1, warned: 1, checks: all });
  });

  it("show the last four digits of a number", () => {
    expect(masked("+15550001111")).toBe("number …1111");
  });
});
