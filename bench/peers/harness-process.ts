/** One run of the harness as a child process, against a relay that runs already. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Figures } from "../load/figures.js";
import { Child } from "./child.js";
import type { MeetingPoint, RelayUnderTest } from "./relay-under-test.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Beyond the time with every call up: start, ramp up and down, farewell. */
const OVERHEAD_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** What is used of the harness's `--json`. */
export interface HarnessResult {
  readonly figures: Figures;
  readonly harnessLimit: string | null;
  readonly failures: Readonly<Record<string, number>>;
  readonly modelErrors: Readonly<Record<string, number>>;
  readonly commit: string;
  readonly node: string;
  readonly machine: string;
}

export class HarnessProcess {
  readonly #child: Child;
  readonly #directory = mkdtempSync(join(tmpdir(), "murelay-peers-"));
  readonly #timeoutMs: number;

  constructor(
    relay: RelayUnderTest,
    point: MeetingPoint,
    load: {
      readonly calls: number;
      readonly durationS: number;
      readonly rampS: number;
      readonly cores: string | null;
    },
  ) {
    this.#timeoutMs = load.durationS * 1000 + OVERHEAD_MS;
    const { tls } = point;
    this.#child = new Child({
      args: [
        join(ROOT, "scripts", "run.mjs"),
        "bench",
        ...["--calls", String(load.calls), "--duration", String(load.durationS)],
        ...["--ramp", String(Math.max(1, Math.ceil(load.calls / load.rampS)))],
        ...["--relay", relay.origin, "--relay-pid", String(relay.pid)],
        ...["--model-port", String(point.modelPort), "--rest-port", String(point.restPort)],
        ...["--auth-token", point.authToken, "--account-sid", point.accountSid],
        ...(tls === null ? [] : ["--tls-cert", tls.cert, "--tls-key", tls.key]),
        ...["--json", this.#jsonFile],
      ],
      cwd: ROOT,
      env: process.env,
      cores: load.cores,
      signal: "SIGINT",
      patienceMs: STOP_TIMEOUT_MS,
    });
  }

  /** @throws Error with the end of the harness's output when there is no result. */
  async result(): Promise<HarnessResult> {
    const inTime = await this.#child.finished(this.#timeoutMs);
    if (!inTime) throw new Error(`the harness took more than ${this.#timeoutMs / 1000} s`);
    let text: string;
    try {
      text = readFileSync(this.#jsonFile, "utf8");
    } catch (cause) {
      throw new Error(`the harness left no result (${this.#child.exit}):\n${this.#child.logEnd}`, {
        cause,
      });
    } finally {
      rmSync(this.#directory, { recursive: true, force: true });
    }
    const value: unknown = JSON.parse(text);
    if (!isResult(value)) throw new Error("the harness's result has another shape than expected");
    return value;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #jsonFile(): string {
    return join(this.#directory, "run.json");
  }
}

function isResult(value: unknown): value is HarnessResult {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const isRecord = (name: string): boolean =>
    typeof fields.get(name) === "object" && fields.get(name) !== null;
  const limit = fields.get("harnessLimit");
  return (
    ["figures", "failures", "modelErrors"].every(isRecord) &&
    ["commit", "node", "machine"].every((name) => typeof fields.get(name) === "string") &&
    (limit === null || typeof limit === "string")
  );
}
