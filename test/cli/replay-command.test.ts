import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { replayFile } from "../../src/cli/replay-command.js";
import { FakeIo } from "../fakes/fake-io.js";

const RECORDING = "test/fixtures/recordings/demo-call-0.1.0.flight.jsonl.gz";
let folder = "";
let lines: readonly string[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-replay-"));
  lines = gunzipSync(readFileSync(RECORDING)).toString("utf8").trimEnd().split("\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

async function replay(content: string, options: { json?: boolean; write?: string } = {}) {
  const path = join(folder, "call.flight.jsonl");
  writeFileSync(path, content);
  const io = new FakeIo();
  return { status: await replayFile(io, path, options), io };
}

describe("murelay replay", () => {
  it("reports a call that is the same, and keeps the replay's own recording", async () => {
    const write = join(folder, "again.jsonl");
    const { status, io } = await replay(lines.join("\n"), { write });
    expect([status, io.errors]).toEqual([0, []]);
    expect(io.lines[0]).toMatch(/^CA\w+: agent support, \d+\.\d s, recorded by murelay 0\.1\.0$/);
    expect(io.text).toContain("the same, at most");
    expect(readFileSync(write, "utf8")).toContain('"is":"call"');
    expect(statSync(write).mode & 0o777).toBe(0o600);
  });

  it("notices before it replays that the new recording cannot be written", async () => {
    await expect(replay(lines.join("\n"), { write: "/none/x" })).rejects.toThrow("ENOENT");
  });

  it("reports what differs, with 1, as text and as JSON", async () => {
    const changed = lines.filter((line) => !line.includes('"event":"clear"')).join("\n");
    const { status, io } = await replay(changed);
    expect([status, io.text]).toEqual([1, expect.stringContaining("differs: phone, at")]);
    const asJson = await replay(changed, { json: true });
    const { same, parts } = JSON.parse(asJson.io.text);
    expect([asJson.status, same, parts[0].differences.length > 0]).toEqual([1, false, true]);
  });

  it("says that a line is incomplete", async () => {
    const { io } = await replay(`${lines.slice(0, 40).join("\n")}\n{"at":9`);
    expect(io.lines.at(-1)).toMatch(/^A line is incomplete/);
  });

  it.each([
    ["is no recording", "hello\nthere\n", /not a flight recording: line 1 is not JSON/],
    ["is empty", "", /not a flight recording: it is empty/],
  ])("refuses a file that %s, with 2", async (_, content, problem) => {
    const { status, io } = await replay(content);
    expect([status, io.errors]).toEqual([2, [expect.stringMatching(problem)]]);
  });

  it("refuses a file that is not there, with 2", async () => {
    const io = new FakeIo();
    expect(await replayFile(io, join(folder, "none.jsonl"), {})).toBe(2);
    expect(io.errors[0]).toContain("cannot be read: there is no such file");
  });
});
