/** Starts any of the relays so that the harness can meet it. */
import { fileURLToPath } from "node:url";
import type { TlsFiles } from "../load/model-server.js";
import { freePort, RelayProcess } from "../load/relay-process.js";
import { Child } from "./child.js";
import { RELAYS, type RelayName } from "./relays.js";

const DIRECTORY = fileURLToPath(new URL("./", import.meta.url));
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;

export interface MeetingPoint {
  readonly modelPort: number;
  readonly restPort: number;
  readonly accountSid: string;
  readonly authToken: string;
  readonly maxCalls: number;
  readonly tls: TlsFiles | null;
  /** Cores it may use, as taskset takes them; null = any. */
  readonly cores: string | null;
}

export interface RelayUnderTest {
  readonly origin: string;
  readonly pid: number;
  /** What runs, as a command. */
  readonly program: string;
  /** Why it ended on its own; null while it runs. */
  exited(): string | null;
  /** The end of its log. */
  logEnd(): string;
  stop(): Promise<void>;
}

/** @throws Error with the end of the relay's log when it does not start. */
export async function startRelay(name: RelayName, point: MeetingPoint): Promise<RelayUnderTest> {
  const { file } = RELAYS[name];
  return file === null ? await ownRelay(point) : await peer(file, point);
}

/** As users start it: pacing, marks, voice detection, metrics and records on. */
async function ownRelay(point: MeetingPoint): Promise<RelayUnderTest> {
  const relay = await RelayProcess.start({
    ...point,
    workers: 1,
    profileDir: null,
    isSampled: false,
    records: null,
    env: {},
  });
  return {
    origin: new URL(relay.webhookUrl).origin,
    pid: relay.pid,
    program: relay.command,
    exited: () => relay.exited,
    logEnd: () => relay.logEnd(),
    stop: async () => await relay.stop(),
  };
}

async function peer(file: string, point: MeetingPoint): Promise<RelayUnderTest> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const { tls, modelPort, cores } = point;
  const child = new Child({
    args: [file],
    cwd: DIRECTORY,
    cores,
    signal: "SIGTERM",
    patienceMs: STOP_TIMEOUT_MS,
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      NODE_ENV: "production",
      HOST: "127.0.0.1",
      PORT: String(port),
      PUBLIC_URL: origin,
      OPENAI_REALTIME_URL: `${tls === null ? "ws" : "wss"}://127.0.0.1:${modelPort}/v1/realtime`,
      OPENAI_API_KEY: "bench",
      ...(tls === null ? {} : { NODE_EXTRA_CA_CERTS: tls.cert }),
    },
  });
  await ready(child, `${origin}/health`);
  return {
    origin,
    pid: child.pid,
    program: `bench/peers/${file}`,
    exited: () => child.exit,
    logEnd: () => child.logEnd,
    stop: async () => await child.stop(),
  };
}

async function ready(child: Child, url: string): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  let last = "it did not answer";
  while (performance.now() < deadlineMs && child.exit === null) {
    try {
      const answer = await fetch(url);
      await answer.arrayBuffer();
      if (answer.ok) return;
      last = `status ${answer.status}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const how = child.exit ?? last;
  await child.stop();
  throw new Error(`the relay did not start (${how}):\n${child.logEnd}`);
}
