import { describe, expect, it } from "vitest";
import {
  type CheckResult,
  fail,
  masked,
  ok,
  printResults,
  warn,
} from "../../src/cli/check-result.js";
import { FakeIo } from "../fakes/fake-io.js";

async function* stream(...results: readonly CheckResult[]) {
  yield* results;
}

async function printed(json: boolean, ...results: readonly CheckResult[]) {
  const io = new FakeIo();
  const failed = await printResults(io, stream(...results), json);
  return { failed, text: io.text };
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
        "1 failed, 1 warning",
      ].join("\n"),
    });
    expect((await printed(false, ok("a", "fine"))).text).toContain("no problems found");
  });

  it("are one object as JSON", async () => {
    const { failed, text } = await printed(true, ...all);
    expect(failed).toBe(1);
    expect(JSON.parse(text)).toEqual({ ok: false, failed: 1, warned: 1, checks: all });
  });

  it("are coloured on a terminal only", async () => {
    const io = Object.assign(new FakeIo(), { colours: true });
    await printResults(io, stream(fail("a", "broken")));
    expect(io.lines[0]).toBe("\u001b[31mfail\u001b[39m  a              broken");
  });

  it("show the last four digits of a number", () => {
    expect(masked("+15550001111")).toBe("number …1111");
  });
});
