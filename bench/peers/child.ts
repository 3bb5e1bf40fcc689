/**
 * A child process that is certain to end: it is asked first and killed after a while, by its id.
 */
import { type ChildProcess, spawn } from "node:child_process";

/** Most output of a child that is kept. */
const KEPT_CHARS = 4000;

export interface ChildOrder {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As taskset takes it; null: any. */
  readonly cores: string | null;
  /** Asks it to end. */
  readonly signal: "SIGINT" | "SIGTERM";
  /** From there to SIGKILL. */
  readonly patienceMs: number;
}

export class Child {
  readonly #child: ChildProcess;
  readonly #order: ChildOrder;
  readonly #ended: Promise<void>;
  #exit: string | null = null;
  #words = "";

  constructor(order: ChildOrder) {
    this.#order = order;
    const node = [process.execPath, ...order.args];
    const [file, ...args] = order.cores === null ? node : ["taskset", "-c", order.cores, ...node];
    this.#child = spawn(file!, args, {
      cwd: order.cwd,
      env: order.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (text: string): void => {
      this.#words = (this.#words + text).slice(-KEPT_CHARS);
    };
    this.#child.stdout?.setEncoding("utf8").on("data", keep);
    this.#child.stderr?.setEncoding("utf8").on("data", keep);
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#exit = error.message;
        resolve();
      });
      this.#child.once("close", (code, signal) => {
        this.#exit ??= signal ?? `status ${code}`;
        resolve();
      });
    });
  }

  /** 0 when it could not be started. taskset becomes what it starts, so this is Node's own. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How it ended; null while it runs. */
  get exit(): string | null {
    return this.#exit;
  }

  /** The end of what it wrote. */
  get logEnd(): string {
    return this.#words.trimEnd();
  }

  /** @returns false when it had to be stopped because `timeoutMs` were over. */
  async finished(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const inTime = await Promise.race([this.#ended.then(() => true as const), late]);
    clearTimeout(timer);
    if (!inTime) await this.stop();
    return inTime;
  }

  async stop(): Promise<void> {
    if (this.#exit !== null) return;
    this.#child.kill(this.#order.signal);
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), this.#order.patienceMs);
    await this.#ended;
    clearTimeout(kill);
  }
}
