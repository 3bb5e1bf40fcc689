import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { composeOperators } from "../../src/app/compose-operators.js";
import type { RequestHead } from "../../src/http/exchange.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeMetrics } from "../fakes/fake-metrics.js";
import { FakeLog } from "../fakes/fake-ports.js";

let home: string;
let file: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "murelay-operators-"));
  file = join(home, "operators.yaml");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(...names: readonly string[]): void {
  const hash = (name: string) => createHash("sha256").update(`${name}'s`).digest("hex");
  const entries = names.map((name) => `  ${name}: {role: viewer, token_sha256: ${hash(name)}}\n`);
  writeFileSync(file, `operators:\n${entries.join("")}`);
}

function compose(config: {
  operatorsFile: string | null;
  adminToken: string | null;
  adminHost?: string;
}) {
  const log = new FakeLog();
  const { metrics } = new FakeMetrics();
  const base = { config: { adminHost: "127.0.0.1", twilioAuthToken: "secret", ...config } };
  const parts = composeOperators({ ...base, clock: new FakeClock(), metrics, log }, null);
  const lets = (name: string): boolean => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${name}'s`,
      host: "127.0.0.1:9090",
    };
    const header = (one: string) => headers[one] ?? "";
    const head: RequestHead = { method: "GET", path: "/api/calls", query: "", address: "", header };
    return !("refused" in parts.auth.admit(head, "viewer"));
  };
  return { ...parts, lets, log };
}

it("reads the operators file, and again when it is told to; a faulty file changes nothing", async () => {
  write("ada");
  const operators = compose({ operatorsFile: file, adminToken: null });
  expect([operators.lets("ada"), operators.lets("ben")]).toEqual([true, false]);
  write("ben");
  await operators.reload();
  expect([operators.lets("ada"), operators.lets("ben")]).toEqual([false, true]);
  writeFileSync(file, "operators: [");
  await operators.reload();
  expect(operators.lets("ben")).toBe(true);
  expect(operators.log.lines.join("\n")).toContain("operators: file not reloaded");
});

it("does not stand still while it reads the file again: it may be a pipe without a writer", async () => {
  write("ada");
  const operators = compose({ operatorsFile: file, adminToken: null });
  write("ben");
  renameSync(file, join(home, "ben.yaml"));
  expect(spawnSync("mkfifo", [file]).status).toBe(0);
  const reloaded = operators.reload();
  let turns = 0;
  const turning = setInterval(() => turns++, 10);
  const writer = spawn("sh", ["-c", `sleep 0.3; cat ${join(home, "ben.yaml")} > ${file}`]);
  await reloaded;
  clearInterval(turning);
  writer.kill();
  expect(operators.lets("ben")).toBe(true);
  expect(turns).toBeGreaterThan(5);
});

it("refuses to start with a faulty file, and has no sessions where no token is set", () => {
  writeFileSync(file, "operators: [");
  expect(() => compose({ operatorsFile: file, adminToken: null })).toThrow(/OPERATORS_FILE/);
  expect(compose({ operatorsFile: null, adminToken: null }).sessions).toBeNull();
  expect(compose({ operatorsFile: null, adminToken: "x" }).sessions).not.toBeNull();
});

it("is not opened by a file without operators at the start: also a worker that is replaced reads it", () => {
  const open = { operatorsFile: file, adminToken: null };
  for (const empty of ["", "operators:\n"]) {
    writeFileSync(file, empty);
    for (const adminHost of ["127.0.0.1", "0.0.0.0"])
      expect(() => compose({ ...open, adminHost })).toThrow(/has no operator, and ADMIN_TOKEN/);
  }
  expect(compose({ ...open, adminToken: "x" }).lets("nobody")).toBe(false);
});

it("is not opened by a reload: a file may be empty for a moment while it is written", async () => {
  write("ada");
  const operators = compose({ operatorsFile: file, adminToken: null });
  for (const empty of ["", "operators:\n"]) {
    writeFileSync(file, empty);
    await operators.reload();
    expect([operators.lets("ada"), operators.lets("nobody")]).toEqual([true, false]);
  }
  expect(operators.log.lines.join("\n")).toContain("operators: file not reloaded");
  write("ben");
  await operators.reload();
  expect([operators.lets("ada"), operators.lets("ben")]).toEqual([false, true]);
  const withAdmin = compose({ operatorsFile: file, adminToken: "x" });
  write();
  await withAdmin.reload();
  expect([withAdmin.lets("ben"), withAdmin.lets("nobody")]).toEqual([false, false]);
});
