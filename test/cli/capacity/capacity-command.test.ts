import { describe, expect, it } from "vitest";
import { capacity } from "../../../src/cli/capacity/capacity-command.js";
import { FakeIo } from "../../fakes/fake-io.js";

const OPTIONS = { calls: "500", minutes: "3", responses: "6" };

describe("capacity", () => {
  it("prints a line for each thing that is needed", () => {
    const io = new FakeIo();
    expect(capacity(io, OPTIONS)).toBe(0);
    expect(io.text).toMatch(/workers +4 +129 calls each/);
    expect(io.text).toMatch(/cost +\$1,858 per hour +gpt-realtime-2\.1, at prices of 2026-/);
  });

  it("says what few calls take, however little it is", () => {
    const io = new FakeIo();
    expect(capacity(io, { ...OPTIONS, calls: "5" })).toBe(0);
    expect(io.text).toMatch(/call starts +0\.028 per s/);
    expect(io.text).toMatch(/cost +\$1\.70 per hour/);
  });

  it("prints the same as JSON", () => {
    const io = new FakeIo();
    capacity(io, { ...OPTIONS, callsPerCore: "1000", json: true });
    expect(JSON.parse(io.text)).toMatchObject({ calls: 500, callsPerWorker: 600, workers: 1 });
  });

  it("takes the model of the settings, and says when it has no price", () => {
    const io = new FakeIo({ OPENAI_REALTIME_MODEL: "mine" });
    capacity(io, OPTIONS);
    expect(io.text).toMatch(/cost +unknown +the price list does not have mine/);
  });

  it.each([
    [{ calls: "many" }, "--calls must be a number above 0"],
    [{ minutes: "0" }, "--minutes must be a number above 0"],
    [{ callsPerCore: "-1" }, "--calls-per-core must be a number above 0"],
    [{ prices: "/none.yaml" }, "/none.yaml cannot be read"],
  ])("refuses %j", (wrong, text) => {
    const io = new FakeIo();
    expect(capacity(io, { ...OPTIONS, ...wrong })).toBe(2);
    expect(io.errors.join()).toContain(text);
  });
});
