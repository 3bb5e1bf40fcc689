import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FlightFiles } from "../../../src/adapters/journal/flight-files.js";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { callSidOf } from "../../../src/http/call-sid.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeLog } from "../../fakes/fake-ports.js";

let directory: string;
let log: FakeLog;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "murelay-flights-"));
  log = new FakeLog();
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const path = (n: number): string => join(directory, "deep", `${sid(n)}.flight.jsonl`);

function files(maxWaitingBytes?: number): FlightFiles {
  const made = new FlightFiles(join(directory, "deep"), "a/0", log, maxWaitingBytes);
  made.prepare();
  return made;
}

async function closed(n: number, lines: number): Promise<string> {
  const read = () => {
    try {
      return readFileSync(path(n), "utf8");
    } catch {
      return "";
    }
  };
  await expect.poll(() => read().split("\n").length - 1).toBe(lines);
  return read();
}

const HEAD = '\n{"at":0,"is":"writer","writer":"a/0"}\n';

describe("FlightFiles", () => {
  it("has a name for every call that an address can name, and none that leaves its folder", async () => {
    for (const text of ["CAlate", "rtc_a-b", "rtc_-", `rtc_${"x".repeat(100)}`]) {
      const callSid = callSidOf(text)!;
      expect(FlightFiles.fileName(callSid)).toBe(`${text}.flight.jsonl`);
      await files().remove(callSid);
    }
    for (const text of ["..", "a/b", "a.b", ""])
      expect(() => FlightFiles.fileName(text as CallSid)).toThrow(RelayError);
  });

  it("writes lines to a file that only its owner can read, and appends to it later", async () => {
    const all = files();
    const first = all.open(sid(1));
    first.line('{"at":0}');
    first.line('{"at":1}');
    first.close();
    first.close();
    first.line("lost");
    await closed(1, 4);
    const second = all.open(sid(1));
    second.line('{"at":2}');
    second.close();
    expect(await closed(1, 7)).toBe(`${HEAD}{"at":0}\n{"at":1}\n${HEAD}{"at":2}\n`);
    expect(statSync(path(1)).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "deep")).mode & 0o777).toBe(0o700);
  });

  it("leaves lines out beyond its memory limit, and writes how many", async () => {
    const all = files(100);
    const one = all.open(sid(1));
    const two = all.open(sid(2));
    one.line("x".repeat(101));
    two.line("never");
    two.line("never");
    two.close();
    one.close();
    expect(await closed(2, 3)).toBe(`${HEAD}{"at":0,"is":"left_out","lines":2}\n`);
    await closed(1, 3);
    await all.settled();
    const three = all.open(sid(3));
    three.line("again");
    three.close();
    expect(await closed(3, 3)).toBe(`${HEAD}again\n`);
  });

  it("settles when what was closed is on disk, without waiting for open recordings", async () => {
    const all = files();
    const open = all.open(sid(1));
    const done = all.open(sid(2));
    open.line("open");
    done.line("done");
    done.close();
    await all.settled();
    expect(readFileSync(path(2), "utf8")).toBe(`${HEAD}done\n`);
    open.close();
    await all.settled();
    expect(readFileSync(path(1), "utf8")).toBe(`${HEAD}open\n`);
  });

  it("goes on without the recording when the disk fails, and logs that once", async () => {
    const all = files();
    rmSync(join(directory, "deep"), { recursive: true });
    const sink = all.open(sid(1));
    for (let i = 0; i < 10; i++) sink.line("x");
    await expect.poll(() => log.lines.length).toBe(1);
    sink.line("x");
    sink.close();
    await all.settled();
    expect(log.lines[0]).toContain("recording broken off");
  });

  it("refuses a directory that cannot be created, before the first call", () => {
    writeFileSync(join(directory, "file"), "");
    expect(() => new FlightFiles(join(directory, "file", "in"), "a/0", log).prepare()).toThrow(
      RelayError,
    );
  });

  it("removes one call's recording and those that are too old, and no other file", async () => {
    const all = files();
    const now = Date.UTC(2026, 10, 21) / 1000;
    for (const [n, age] of [
      [1, 10],
      [2, 1_000],
      [3, 2_000],
    ] as const) {
      writeFileSync(path(n), "");
      utimesSync(path(n), now - age, now - age);
    }
    writeFileSync(join(directory, "deep", "RE1.wav"), "");
    utimesSync(join(directory, "deep", "RE1.wav"), 0, 0);
    expect(await all.removeBefore((now - 500) * 1000)).toBe(2);
    // Another process removes a file between the listing and the look at its age.
    symlinkSync(join(directory, "gone"), path(4));
    expect(await all.removeBefore((now - 500) * 1000)).toBe(0);
    await all.remove(sid(4));
    await all.remove(sid(1));
    await all.remove(sid(9));
    expect(readdirSync(join(directory, "deep"))).toEqual(["RE1.wav"]);
    expect(await new FlightFiles(join(directory, "none"), "a/0", log).removeBefore(0)).toBe(0);
  });

  it("refuses a name that is not a call SID", () => {
    expect(() => FlightFiles.fileName("../x" as never)).toThrow("not a call SID");
  });
});
