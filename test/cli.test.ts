/** The command as a process of its own: exit status, streams, `.env`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const SCRIPT = resolve("scripts/run.mjs");

describe("the process", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-process-"));
    writeFileSync(join(folder, ".env"), "HOST=127.0.0.1\nPORT=8181\nMAX_CALLS=7\n");
    writeFileSync(
      join(folder, "other.env"),
      "OPENAI_API_KEY=sk-x\nTWILIO_ACCOUNT_SID=AC1\nTWILIO_AUTH_TOKEN=t\nHOST=127.0.0.1\nMAX_CALLS=9\n",
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function run(args: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [SCRIPT, ...args], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", ...env },
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      err += String(chunk);
    });
    const [status] = await once(child, "close");
    return { status, out, err };
  }

  it("exits with 2 and names what is missing beside .env", async () => {
    const { status, out, err } = await run(["serve"]);
    expect([status, out]).toEqual([2, ""]);
    expect(err).toContain("OPENAI_API_KEY is missing");
    expect(err).not.toContain("PUBLIC_URL");
  });

  it("lets the environment win over .env", async () => {
    const env = {
      OPENAI_API_KEY: "sk-x",
      TWILIO_ACCOUNT_SID: "AC1",
      TWILIO_AUTH_TOKEN: "t",
      PORT: "8282",
    };
    const { status, out } = await run(["config", "print"], env);
    expect(status).toBe(0);
    expect(out).toMatch(/PORT +8282/);
    expect(out).toMatch(/MAX_CALLS +7/);
  });

  it("takes another settings file, and says when it is not there", async () => {
    const { out } = await run(["--settings", "other.env", "config", "print"]);
    expect(out).toMatch(/MAX_CALLS +9/);
    const gone = await run(["--settings=gone.env", "config", "print"]);
    expect([gone.status, gone.err]).toEqual([
      2,
      expect.stringContaining("gone.env cannot be read"),
    ]);
  });

  it.runIf(process.platform === "linux")("exits with 1 when its output has no room", async () => {
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [SCRIPT, "config", "schema"], {
      cwd: folder,
      stdio: ["ignore", full, "pipe"],
    });
    const [status] = await once(child, "close");
    closeSync(full);
    expect(status).toBe(1);
  });

  it("writes all of a long output into a pipe", async () => {
    const { status, out } = await run(["config", "schema"]);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toHaveProperty("properties.agents");
  });
});
