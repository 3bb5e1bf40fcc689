/** The systemd unit, judged by systemd itself. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const UNIT = readFileSync("deploy/systemd/murelay.service", "utf8");
/** systemd calls a unit without any hardening 9.6. */
const MOST_EXPOSURE = 2;

const isMissing = spawnSync("systemd-analyze", ["--version"]).status !== 0;
if (isMissing) console.log("The systemd unit is not analysed: no systemd-analyze is installed");

describe("the systemd unit", () => {
  const folder = mkdtempSync(join(tmpdir(), "murelay-systemd-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const analyze = (text: string, ...args: string[]) => {
    const file = join(folder, "murelay.service");
    writeFileSync(file, text);
    return spawnSync("systemd-analyze", [...args, file], { encoding: "utf8" });
  };
  const exposureOf = (text: string): number => {
    const { stdout } = analyze(text, "security", "--offline=true");
    return Number(/Overall exposure level[^\n]*: ([\d.]+)/.exec(stdout)?.[1]);
  };
  /** `verify` looks for the programs. */
  const here = UNIT.replace("/usr/bin/node", process.execPath);

  it.skipIf(isMissing)("has no fault", () => {
    const { status, stderr } = analyze(here, "verify");
    expect([status, stderr.trim()]).toEqual([0, ""]);
    expect(analyze(here.replace("Type=exec", "Type=executed"), "verify").stderr).toContain(
      "executed",
    );
  });

  it.skipIf(isMissing)("exposes little of the machine", () => {
    expect(exposureOf(UNIT)).toBeLessThan(MOST_EXPOSURE);
    expect(
      exposureOf(UNIT.replace(/^(Protect|Private|Restrict|SystemCall).*$/gm, "")),
    ).toBeGreaterThan(MOST_EXPOSURE);
  });

  it("waits longer for the end than the relay drains by default", () => {
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(UNIT)?.[1])).toBeGreaterThanOrEqual(300 + 15);
    expect(UNIT).toMatch(/^ExecReload=.*-HUP \$MAINPID$/m);
  });
});
