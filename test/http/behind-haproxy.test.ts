/**
 * The rules of deploy/haproxy.cfg answer the legal HTTP that the relay's own listener leaves open.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePorts } from "../fakes/relay-node.js";
import { type PublicSide, startPublic } from "./harness.js";

const HAPROXY = "/usr/sbin/haproxy";
const isMissing = spawnSync(HAPROXY, ["-v"]).status !== 0;

/** The first 60 characters of what is answered, or "" when nothing is within 5 s. */
function answerTo(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const late = setTimeout(() => done(""), 5_000);
    const done = (text: string): void => {
      clearTimeout(late);
      socket.destroy();
      resolve(text);
    };
    socket.on("error", () => done("refused"));
    socket.once("data", (bytes: Buffer) => done(bytes.toString("latin1").slice(0, 60)));
    socket.write(bytes);
  });
}

const head = (line: string, fields: number): string =>
  `${line}\r\nHost: a\r\n${Array.from({ length: fields }, (_, i) => `X-${i}: 1\r\n`).join("")}\r\n`;

describe.skipIf(isMissing)("behind HAProxy", () => {
  const folder = mkdtempSync(join(tmpdir(), "murelay-behind-"));
  let side: PublicSide;
  let haproxy: ChildProcess;
  let port: number;

  beforeAll(async () => {
    side = await startPublic();
    port = await freePorts(1);
    const rules = readFileSync("deploy/haproxy.cfg", "utf8")
      .split("\n")
      .filter((line) => /^ {4}http-request (?:replace-uri|return)/.test(line));
    expect(rules).toHaveLength(3);
    const file = join(folder, "haproxy.cfg");
    writeFileSync(
      file,
      `defaults\n    mode http\n    timeout connect 1s\n    timeout client 5s\n    timeout server 5s\nfrontend f\n    bind 127.0.0.1:${port}\n${rules.join("\n")}\n    default_backend b\nbackend b\n    server s 127.0.0.1:${side.port}\n`,
    );
    haproxy = spawn(HAPROXY, ["-f", file], { stdio: "ignore" });
    await vi.waitFor(
      async () => expect(await answerTo(port, head("GET /health HTTP/1.1", 0))).toContain("200"),
      { timeout: 5_000 },
    );
  });
  afterAll(() => {
    haproxy.kill();
    side.server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ["HTTP/1.0", head("GET /health HTTP/1.0", 0), "505"],
    // The authority of the URI and Host must agree.
    ["an absolute URI", head("GET http://a/health HTTP/1.1", 0), "200"],
    ["60 header fields", head("GET /health HTTP/1.1", 60), "431"],
    ["40 header fields", head("GET /health HTTP/1.1", 40), "200"],
  ])("%s is answered", async (_what, bytes, status) => {
    expect(await answerTo(port, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});
