import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAbandoned, touchOwner, writeOwner } from "../../../src/adapters/journal/spool-owner.js";

const SILENT_MS = 120_000;

describe("isAbandoned", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "murelay-owner-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const ownedBy = (text: string) => {
    const [file = "holder.json"] = readdirSync(directory);
    writeFileSync(join(directory, file), text);
  };
  const identity = (host: string) => JSON.stringify({ host, pid: process.pid, startTicks: "1" });
  const inMs = (ms: number) => Date.now() + ms;

  it("is false while the owner runs, however old its file is", async () => {
    await writeOwner(directory);
    expect(await isAbandoned(directory, false, inMs(10 * SILENT_MS))).toBe(false);
  });

  it("is true as soon as the owner on this machine is gone", async () => {
    await writeOwner(directory);
    ownedBy(identity(hostname()));
    expect(await isAbandoned(directory, false, inMs(0))).toBe(true);
  });

  it.each([
    ["an owner on another machine", identity("another-machine")],
    ["an incomplete owner file", '{"host":"'],
  ])("depends on the age of the file: %s", async (_, text) => {
    await writeOwner(directory);
    ownedBy(text);
    expect(await isAbandoned(directory, false, inMs(SILENT_MS - 10_000))).toBe(false);
    expect(await isAbandoned(directory, false, inMs(SILENT_MS + 10_000))).toBe(true);
    await touchOwner(directory, inMs(SILENT_MS));
    expect(await isAbandoned(directory, false, inMs(SILENT_MS + 10_000))).toBe(false);
  });

  it("depends on the age of the directory when there is no owner file", async () => {
    expect(await isAbandoned(directory, false, inMs(0))).toBe(false);
    expect(await isAbandoned(directory, false, inMs(SILENT_MS + 10_000))).toBe(true);
  });

  it.each([true, false])("is what the caller says for a missing directory: %s", async (answer) => {
    expect(await isAbandoned(join(directory, "none"), answer, inMs(0))).toBe(answer);
  });
});
