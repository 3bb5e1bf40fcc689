/** This project's relay as a child process, configured to meet the harness. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { TlsFiles } from "./model-server.js";
import { PERF_NODE_FLAGS } from "./perf-share.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const AGENTS = fileURLToPath(new URL("./agents.yaml", import.meta.url));
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 8_000;

export interface RelayPlan {
  readonly modelPort: number;
  readonly restPort: number;
  readonly accountSid: string;
  readonly authToken: string;
  readonly workers: number;
  readonly maxCalls: number;
  readonly tls: TlsFiles | null;
  /** Cores it may use, as taskset takes them; null = any. */
  readonly cores: string | null;
  readonly profileDir: string | null;
  /** `perf` is to see its functions' names. */
  readonly isSampled: boolean;
  /** For a comparison: with or without records; null: as users start it. */
  readonly records: "on" | "off" | null;
  readonly env: Readonly<Record<string, string>>;
}

export class RelayProcess {
  readonly webhookUrl: string;
  readonly metricsUrl: string;
  /** `ws://…` of its operator listener. */
  readonly operatorUrl: string;
  readonly command: string;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #logFile: string;
  #exit: string | null = null;

  private constructor(
    child: ChildProcess,
    port: number,
    adminPort: number,
    directory: string,
    logFile: string,
    command: string,
  ) {
    this.operatorUrl = `ws://127.0.0.1:${adminPort}`;
    this.metricsUrl = `http://127.0.0.1:${adminPort}/metrics`;
    this.#child = child;
    this.#directory = directory;
    this.#logFile = logFile;
    this.command = command;
    this.webhookUrl = `http://127.0.0.1:${port}/incoming-call`;
    child.once("exit", (code, signal) => {
      this.#exit = signal ?? `status ${code}`;
    });
  }

  /** @throws Error with the end of the relay's log when it does not start. */
  static async start(plan: RelayPlan): Promise<RelayProcess> {
    const { workers } = plan;
    const [port, adminPort] = [
      workers > 1 ? await freeTens(workers) : await freePort(),
      await freePort(),
    ];
    const directory = mkdtempSync(join(tmpdir(), "murelay-bench-"));
    const logFile = join(directory, "relay.log");
    const profile =
      plan.profileDir === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${resolve(plan.profileDir)}`];
    const node = [
      process.execPath,
      ...profile,
      ...(plan.isSampled ? PERF_NODE_FLAGS : []),
      ...(plan.records === null ? [...program(), "serve"] : bare(plan.records)),
    ];
    const [file, ...args] = plan.cores === null ? node : ["taskset", "-c", plan.cores, ...node];
    const log = openSync(logFile, "w");
    const child = spawn(file!, args, {
      // Its own directory, so that no .env of the project is read.
      cwd: directory,
      stdio: ["ignore", log, log],
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        NODE_ENV: "production",
        HOST: "127.0.0.1",
        PORT: String(port),
        ADMIN_PORT: String(adminPort),
        PUBLIC_URL: `http://127.0.0.1:${port}`,
        OPENAI_REALTIME_URL: `${plan.tls === null ? "ws" : "wss"}://127.0.0.1:${plan.modelPort}/v1/realtime`,
        OPENAI_API_KEY: "bench",
        TWILIO_ACCOUNT_SID: plan.accountSid,
        TWILIO_AUTH_TOKEN: plan.authToken,
        TWILIO_API_BASE_URL: `http://127.0.0.1:${plan.restPort}`,
        MAX_CALLS: String(plan.maxCalls),
        // A full relay is measured, not one that refuses calls.
        OVERLOAD_PERCENT: "100",
        WORKERS: String(workers),
        // Streams come to the worker that has their session open, as behind a balancer: worker n
        // listens on PORT + 1 + n.
        ...(workers > 1
          ? { MEDIA_URL: `ws://127.0.0.1:${(port + 1) / 10}{worker}/media-stream` }
          : {}),
        DATABASE_URL: `sqlite:${join(directory, "bench.db")}`,
        RECORDINGS_DIR: join(directory, "recordings"),
        AGENTS_FILE: AGENTS,
        LOG_LEVEL: "warn",
        DRAIN_SECONDS: "1",
        ...(plan.tls === null ? {} : { NODE_EXTRA_CA_CERTS: plan.tls.cert }),
        ...plan.env,
      },
    });
    closeSync(log);
    const relay = new RelayProcess(
      child,
      port,
      adminPort,
      directory,
      logFile,
      node.slice(1).join(" "),
    );
    try {
      const own = workers > 1 ? Array.from({ length: workers }, (_, n) => port + 1 + n) : [port];
      for (const one of own) await relay.#ready(`http://127.0.0.1:${one}/health`);
    } catch (error) {
      await relay.stop();
      throw error;
    }
    return relay;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Why it ended on its own, or null while it runs. */
  get exited(): string | null {
    return this.#exit;
  }

  /** The end of its log, for people. */
  logEnd(lines = 20): string {
    return readFileSync(this.#logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }

  /** Warnings and errors in its log, by their text. */
  complaints(): Map<string, number> {
    const found = new Map<string, number>();
    for (const line of readFileSync(this.#logFile, "utf8").split("\n")) {
      const text = /"msg":"([^"]*)"/.exec(line)?.[1];
      if (text !== undefined) found.set(text, (found.get(text) ?? 0) + 1);
    }
    return found;
  }

  async stop(): Promise<void> {
    if (this.#exit === null) {
      const ended = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
      this.#child.kill("SIGTERM");
      const kill = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(kill);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #ready(healthUrl: string): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline) {
      if (this.#exit !== null)
        throw new Error(`the relay did not start (${this.#exit}):\n${this.logEnd()}`);
      try {
        const answer = await fetch(healthUrl);
        if (answer.ok) return;
      } catch {
        // Not listening yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the relay did not answer ${healthUrl}:\n${this.logEnd()}`);
  }
}

/** The build, if it is newer than every source; otherwise the sources. */
function program(): string[] {
  const built = builtProgram();
  return built === null
    ? ["--import", import.meta.resolve("tsx"), join(ROOT, "src", "cli.ts")]
    : [built];
}

/** The file that `npm run build` made; null when it is not there or older than a source. */
export function builtProgram(): string | null {
  const built = join(ROOT, "dist", "cli.js");
  if (!existsSync(built)) return null;
  const builtMs = statSync(built).mtimeMs;
  const sources = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true });
  const newer = sources.some(
    (f) => f.isFile() && statSync(join(f.parentPath, f.name)).mtimeMs > builtMs,
  );
  return newer ? null : built;
}

function bare(records: "on" | "off"): string[] {
  const launcher = fileURLToPath(new URL("./bare-relay.ts", import.meta.url));
  return ["--import", import.meta.resolve("tsx"), launcher, records];
}

/**
 * A port that ends in 9, with `workers` (10 at most) free ones behind it; below those of outgoing
 * connections.
 */
async function freeTens(workers: number): Promise<number> {
  if (workers > 10) throw new Error("--workers: 10 at most, where the relay is started here");
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 15_009 + 10 * Math.floor(Math.random() * 1_500);
    const wanted = Array.from({ length: workers + 1 }, (_, i) => first + i);
    if ((await Promise.all(wanted.map(isFree))).every((free) => free)) return first;
  }
  throw new Error("no free ports in a row");
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A certificate for 127.0.0.1 that lives as long as the run, made by openssl. */
export function makeCertificate(): TlsFiles & { readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), "murelay-bench-tls-"));
  const cert = join(directory, "cert.pem");
  const key = join(directory, "key.pem");
  const made = spawnSync("openssl", [
    ...[
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ],
    ...[
      "-subj",
      "/CN=127.0.0.1",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      key,
      "-out",
      cert,
    ],
  ]);
  if (made.status !== 0) throw new Error("tls: openssl could not make a certificate");
  return { cert, key, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
