import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import type { RelayNode } from "./relay-node.js";

export const HAPROXY = "/usr/sbin/haproxy";
/** The shipped one. */
export const HAPROXY_CONFIG = "deploy/haproxy.cfg";

/** Why there is no HAProxy; null: there is one. */
export function missingHaproxy(): string | null {
  if (spawnSync(HAPROXY, ["-v"]).status === 0) return null;
  return "no HAProxy is installed (Debian: apt-get install haproxy)";
}

/** HAProxy's admin socket. */
const socketOf = (file: string): string => `${file}.sock`;

/** Gives HAProxy a command, as `socat` does for operators. @returns its answer, empty when it obeys. */
export async function askHaproxy(file: string, command: string): Promise<string> {
  const socket = connect(socketOf(file));
  // Not `end`: it closes the connection itself once it has answered.
  socket.write(`${command}\n`);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer.trim();
}

/**
 * The shipped configuration with the addresses of this machine.
 *
 * @param checkMs  between two checks of a node, in place of the shipped second.
 */
export async function startHaproxy(
  file: string,
  port: number,
  [one, two]: readonly RelayNode[],
  checkMs = 1_000,
): Promise<ChildProcess> {
  let text = readFileSync(HAPROXY_CONFIG, "utf8")
    .replace("inter 1s", `inter ${checkMs}ms`)
    .replace(/^ *bind .*$/m, `    bind 127.0.0.1:${port}`)
    .replaceAll("/run/haproxy/admin.sock", socketOf(file));
  for (const [address, node] of [
    ["10.0.0.11", one!],
    ["10.0.0.12", two!],
  ] as const) {
    text = text
      .replaceAll(
        `${address}:8080 check port 9464`,
        `127.0.0.1:${node.publicPort} check port ${node.adminPort}`,
      )
      .replace(
        new RegExp(`${address}:(808\\d)`, "g"),
        (_, like: string) => `127.0.0.1:${node.publicPort + Number(like) - 8080}`,
      );
  }
  writeFileSync(file, text);
  const child = spawn(HAPROXY, ["-db", "-f", file], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
    });
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) break;
    const status = await fetch(`http://127.0.0.1:${port}/health`).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return child;
    await new Promise((done) => setTimeout(done, 100));
  }
  child.kill("SIGKILL");
  throw new Error(`haproxy did not serve: ${said}`);
}
