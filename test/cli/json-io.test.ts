import { describe, expect, it } from "vitest";
import { JsonIo, wantsJson } from "../../src/cli/json-io.js";
import { FakeIo } from "../fakes/fake-io.js";
import { readOutput } from "../fakes/shipped-schemas.js";

describe("the io of --json", () => {
  it("prints what was said of a fault where there is no result", () => {
    const io = new FakeIo();
    const json = new JsonIo(io);
    json.err("one");
    json.err("error: two");
    json.failed();
    expect(readOutput("failure", io.text)).toEqual({ error: "one\ntwo" });
    expect(io.errors).toEqual(["one", "error: two"]);
  });

  it("leaves a result as it is, also of a command that failed", () => {
    const io = new FakeIo();
    const json = new JsonIo(io);
    json.out("{}");
    json.failed();
    expect(io.lines).toEqual(["{}"]);
  });

  it("asks nothing: a question would be on stdout, too", () => {
    const io = Object.assign(new FakeIo(), { ask: async () => "x" });
    expect("ask" in new JsonIo(io)).toBe(false);
  });

  it.each([
    [["doctor", "--json"], true],
    [["doctor"], false],
    [["bench", "--json", "results.json"], false],
  ])("is wanted for %j: %s", (args, wanted) => expect(wantsJson(args)).toBe(wanted));
});
