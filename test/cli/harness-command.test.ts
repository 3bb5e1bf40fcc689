import { describe, expect, it } from "vitest";
import { runHarness } from "../../src/cli/harness-command.js";
import { FakeIo } from "../fakes/fake-io.js";

describe("a harness beside the sources", () => {
  it("parses its own flags, and its exit status is the command's", async () => {
    const io = new FakeIo();
    expect(await runHarness(io, "bench", [["--help"], io])).toBe(0);
    expect(io.text).toContain("--calls");
    expect(await runHarness(io, "bench", [["--calls", "none"], io])).toBe(2);
    expect(io.errors.join()).toContain("--calls");
  });
});
