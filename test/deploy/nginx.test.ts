/** A relay behind nginx with the shipped configuration: a call, and the HTTP that the page promises. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificate } from "../fakes/certificate.js";
import { freePorts } from "../fakes/relay-node.js";
import { type Stage, startStage } from "../fakes/stage.js";

const NGINX = "/usr/sbin/nginx";
const SHIPPED = readFileSync("deploy/nginx/murelay.conf", "utf8");
const PUBLIC_URL = "https://relay.test";

const isMissing = spawnSync(NGINX, ["-v"]).status !== 0;
if (isMissing)
  console.log("nginx is not tested: none is installed (Debian: apt-get install nginx)");

describe.skipIf(isMissing)("nginx with the shipped configuration", () => {
  const folder = mkdtempSync(join(tmpdir(), "murelay-nginx-"));
  const file = join(folder, "murelay.conf");
  let stage: Stage;
  let nginx: ChildProcess;
  let port = 0;

  /** In the foreground, with its files in the folder. */
  const args = (...more: string[]) => {
    const own = `pid ${folder}/nginx.pid; error_log stderr; daemon off;`;
    return ["-p", folder, "-c", file, "-g", own, ...more];
  };

  beforeAll(async () => {
    stage = await startStage({ turns: [{ say: "Hello." }] });
    port = await freePorts(1);
    const plain = SHIPPED.replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
      .replace(/^ *ssl_.*$/gm, "")
      .replace("127.0.0.1:8080", `127.0.0.1:${stage.publicPort}`)
      .replace("http {", `http {\n    access_log off;\n    client_body_temp_path ${folder}/body;`);
    writeFileSync(file, plain);
    nginx = spawn(NGINX, args(), { stdio: "ignore" });
    for (let tries = 0; tries < 200; tries++) {
      if ((await fetch(`http://127.0.0.1:${port}/health`).catch(() => null))?.ok === true) break;
      await sleep(50);
    }
    stage.twilio.route(PUBLIC_URL, `http://127.0.0.1:${port}`);
  }, 60_000);
  afterAll(async () => {
    nginx.kill("SIGTERM");
    if (nginx.exitCode === null) await once(nginx, "exit");
    await stage.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** @returns the first line of the answer. */
  async function ask(head: string): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    socket.write(head);
    let answer = "";
    for await (const chunk of socket) {
      answer += String(chunk);
      if (answer.includes("\r\n")) break;
    }
    return answer.split("\r\n")[0] ?? "";
  }

  it("has no fault", () => {
    const { certFile } = makeCertificate(folder);
    const shipped = SHIPPED.replace("/etc/nginx/relay.pem", certFile).replace(
      "/etc/nginx/relay.key",
      join(folder, "key.pem"),
    );
    const own = join(folder, "shipped.conf");
    writeFileSync(own, shipped);
    const check = ["-t", "-q", "-p", folder, "-c", own, "-g", `pid ${folder}/t.pid;`];
    const { status, stderr } = spawnSync(NGINX, check, { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("emerg")]);
  });

  it("carries a call: the signed webhook, the stream, the agent's greeting", async () => {
    const call = stage.twilio.placeCall();
    await call.events.until("first_media", {}, 20_000);
    call.hangUp();
    await call.ended;
    expect(stage.twilio.violations()).toEqual([]);
  });

  it.each([
    ["HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n", /^HTTP\/1\.\d 200/],
    [
      "an absolute URI",
      "GET http://relay.example.com/health HTTP/1.1\r\nHost: relay.example.com\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 200/,
    ],
    [
      "a body that is too long",
      `POST /incoming-call HTTP/1.1\r\nHost: r\r\nContent-Length: ${70 * 1024}\r\n\r\n`,
      /^HTTP\/1\.1 413/,
    ],
    [
      "a webhook without a signature",
      "POST /incoming-call HTTP/1.1\r\nHost: r\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 403/,
    ],
  ])("answers %s", async (_, head, answer) => {
    expect(await ask(head)).toMatch(answer);
  });
});
