import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import type { SimulatedModel } from "../../sim/model.js";
import type { SimulatedTwilio } from "../../sim/twilio.js";
import { removeFolder } from "./remove-folder.js";

/** Null: vitest knows where the compiled relay is. */
let compiled: string | null = null;

/** For programs that are no tests: the folder of the compiled relay. */
export function useCompiled(directory: string): void {
  compiled = directory;
}

/** The relay as users start it: a process of its own, with its workers where it has several. */
export interface RelayNode {
  readonly pid: number;
  readonly publicPort: number;
  readonly adminPort: number;
  /** AGENTS_FILE. */
  readonly agentsFile: string;
  /** RECORDINGS_DIR, unless the environment says otherwise. */
  readonly recordings: string;
  /** All that it has logged so far, workers included. */
  log(): string;
  /** From now on what it prints is not read, or is read again. */
  readLog(read: boolean): void;
  /** GET on the operator listener, as text. */
  get(path: string): Promise<string>;
  post(path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }>;
  /** Pids of its workers, by number; empty for a single process. */
  workers(): readonly number[];
  /** How it ended. */
  readonly exited: Promise<number | string>;
  /** SIGTERM, then SIGKILL when it does not go. Its directory stays until `remove`. */
  stop(): Promise<void>;
  kill(): void;
  remove(): Promise<void>;
}

export const NODE_AGENTS = `
agents:
  support:
    instructions: You answer the phone.
    greeting: Hello.
    transcription: {model: gpt-live-transcribe}
    tools: [lookup_order, transfer_call, end_call]
    transfer:
      default: desk
      destinations:
        desk: {dial: "+12025550123", description: general questions}
numbers: {"*": support}
`;

/** A compiled relay of another release. */
export interface Release {
  /** Its folder. */
  readonly build: string;
  /** What it logs once all of its workers listen. */
  readonly listening: string;
}

const LISTENING = '"supervisor: listening"';
const START_MS = 60_000;

/** Below the range from which the kernel takes ports for outgoing connections, each of which would be in the way. */
const FIRST_PORT = 15_000;
const LAST_PORT = 31_000;

/** The first of `count` free ports in a row. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every((one) => one)) return first;
  }
  throw new Error("no free ports in a row");
}

export async function startNode(
  peers: {
    readonly model: SimulatedModel;
    readonly twilio: SimulatedTwilio;
    readonly publicUrl: string;
  },
  env: Readonly<Record<string, string>> = {},
  /** Of `serve`. */
  flags: readonly string[] = [],
  /** Default: the one of this tree. */
  release: Release | null = null,
): Promise<RelayNode> {
  const build = release?.build ?? compiled ?? inject("compiledRelay");
  const directory = mkdtempSync(join(tmpdir(), "murelay-node-"));
  const agentsFile = join(directory, "agents.yaml");
  const recordings = join(directory, "recordings");
  writeFileSync(agentsFile, NODE_AGENTS);
  const workers = Number(env["WORKERS"] ?? 1);
  // In a row: a port for itself could be the own port of a worker.
  const first = await freePorts(workers + 2);
  const publicPort = Number(env["PORT"] ?? first);
  const adminPort = Number(env["ADMIN_PORT"] ?? first + workers + 1);
  const child: ChildProcess = spawn(process.execPath, [join(build, "cli.js"), "serve", ...flags], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "",
      HOST: "127.0.0.1",
      PORT: String(publicPort),
      ADMIN_PORT: String(adminPort),
      PUBLIC_URL: peers.publicUrl,
      OPENAI_API_KEY: peers.model.apiKey,
      OPENAI_REALTIME_URL: peers.model.url,
      TWILIO_ACCOUNT_SID: peers.twilio.accountSid,
      TWILIO_AUTH_TOKEN: peers.twilio.authToken,
      TWILIO_API_BASE_URL: peers.twilio.apiBaseUrl,
      AGENTS_FILE: agentsFile,
      DATABASE_URL: `sqlite:${join(directory, "node.db")}`,
      RECORDINGS_DIR: recordings,
      DRAIN_SECONDS: "5",
      // Other tests share the cores: how busy it is says nothing of the relay.
      OVERLOAD_PERCENT: "100",
      ...env,
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  let over = false;
  // It would go on without this process, which may end for a fault of its own.
  const endsToo = (): void => void child.kill("SIGTERM");
  process.once("exit", endsToo);
  const exited = once(child, "exit").then(([code, signal]) => {
    over = true;
    process.off("exit", endsToo);
    return (signal ?? code) as number | string;
  });
  const get = async (path: string): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  const stop = async (): Promise<void> => {
    if (over) return;
    child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await exited;
    clearTimeout(hard);
  };
  const node: RelayNode = {
    pid: child.pid ?? 0,
    publicPort,
    adminPort,
    agentsFile,
    recordings,
    log: () => said,
    readLog: (read) => {
      if (read) child.stdout?.resume();
      else child.stdout?.pause();
    },
    get,
    post: async (path, body) => {
      const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body ?? {}),
      });
      return { status: answer.status, text: await answer.text() };
    },
    workers: () => {
      const pids = new Map<number, number>();
      for (const line of said.split("\n")) {
        if (!line.includes('"supervisor: worker listening"')) continue;
        const { worker, pid } = JSON.parse(line) as { worker: number; pid: number };
        pids.set(worker, pid);
      }
      return [...pids].sort(([a], [b]) => a - b).map(([, pid]) => pid);
    },
    exited,
    stop,
    kill: () => child.kill("SIGKILL"),
    remove: async () => {
      await stop();
      removeFolder(directory);
    },
  };
  const failed = async (what: string): Promise<Error> => {
    child.kill("SIGKILL");
    await exited;
    removeFolder(directory);
    return new Error(`${what}:\n${said}`);
  };
  const deadline = performance.now() + START_MS;
  for (;;) {
    if (over) throw await failed("the relay did not start");
    if (performance.now() > deadline) throw await failed("the relay was not ready in time");
    try {
      const answer = await fetch(`http://127.0.0.1:${adminPort}/ready`);
      // Ready is who has one worker; a test wants all of them.
      if (answer.ok && (workers === 1 || said.includes(release?.listening ?? LISTENING)))
        return node;
    } catch {
      // Not listening yet.
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((done) => {
    server.once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => done(true));
  });
  if (free) {
    server.close();
    await once(server, "close");
  }
  return free;
}
