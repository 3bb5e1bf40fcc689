import { createServer } from "node:net";
import { probe } from "../../adapters/http-client/http-probe.js";
import { ownListener } from "../../config/derived.js";
import type { Config } from "../../config/load.js";
import { type CheckResult, fail, ok } from "../check-result.js";

const SUBJECT = "ports";

export interface PortsState {
  /** A relay answers on the public listener of this machine. */
  readonly relayRuns: boolean;
}

/** Finds ports that another program has taken, and whether a relay is already running on them. */
export async function* checkPorts(
  config: Pick<Config, "host" | "port" | "adminHost" | "adminPort" | "workers" | "mediaUrl">,
): AsyncGenerator<CheckResult, PortsState> {
  const { host, port, adminHost, adminPort } = config;
  const listeners = [
    ["PORT", host, port, "/health"],
    ["ADMIN_PORT", adminHost, adminPort, "/ready"],
  ] as const;
  let free = 0;
  let running = 0;
  for (const [name, address, number, path] of listeners) {
    const fault = await bindFault(address, number);
    if (fault === null) free++;
    else if (fault === "EADDRINUSE" && (await isRelay(address, number, path))) running++;
    else yield fail(SUBJECT, ...bindProblem(name, address, number, fault));
  }
  if (running === 0) yield* checkOwnPorts(config);
  if (free === listeners.length) yield ok(SUBJECT, `${port} and ${adminPort} are free`);
  else if (running === listeners.length)
    yield ok(SUBJECT, `a relay is running on ${port} and ${adminPort}`);
  return { relayRuns: running > 0 };
}

/** The ports of single workers, which a balancer or the supervisor asks. */
async function* checkOwnPorts(
  config: Pick<Config, "host" | "port" | "workers" | "mediaUrl">,
): AsyncGenerator<CheckResult> {
  for (let worker = 0; worker < config.workers; worker++) {
    const { host, port } = ownListener(config, worker);
    const fault = port === 0 ? null : await bindFault(host, port);
    if (fault === null) continue;
    const [text, fix] = bindProblem("PORT", host, port, fault);
    yield fail(SUBJECT, `${text}, which is worker ${worker}'s (PORT+${worker + 1})`, fix);
  }
}

function bindProblem(
  name: string,
  address: string,
  port: number,
  fault: string,
): [text: string, fix: string] {
  const where = `${address}:${port}`;
  const setting = name === "PORT" ? "HOST" : "ADMIN_HOST";
  switch (fault) {
    case "EADDRINUSE":
      return [`another program listens on ${where}`, `end it, or set another ${name}`];
    case "EACCES":
      return [`this user may not listen on ${where}`, `set ${name} above 1023`];
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return [`${address} is not an address of this machine`, `correct ${setting}`];
    default:
      return [`cannot listen on ${where} (${fault})`, `check ${setting} and ${name}`];
  }
}

/** @returns null when the port can be listened on, else the error's code. */
function bindFault(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: host.replace(/^\[|\]$/g, ""), port, exclusive: true }, () =>
      server.close(() => resolve(null)),
    );
  });
}

async function isRelay(address: string, port: number, path: string): Promise<boolean> {
  const any = address === "0.0.0.0" || address === "::";
  const host = any ? "127.0.0.1" : address.includes(":") ? `[${address}]` : address;
  const { body } = await probe(`http://${host}:${port}${path}`);
  return path === "/health" ? body.trim() === "ok" : /"ready": ?(?:true|false)/.test(body);
}
