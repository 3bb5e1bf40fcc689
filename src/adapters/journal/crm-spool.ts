/**
 * What waits to be accepted by the customer database: a file a call, delivered one after the other, oldest first, tried
 * again with growing pauses, over restarts of the process.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RelayError } from "../../domain/errors.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { CrmCall } from "../../ports/crm.js";
import type { Log } from "../../ports/log.js";

export interface Delivery {
  readonly call: CrmCall;
  /** JSON. */
  readonly record: string;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
const SUFFIX = ".json";
/** Where what the other side will never take is kept for people to look at. */
const REFUSED = "refused";

export class CrmSpool {
  readonly #directory: string;
  readonly #deliver: (delivery: Delivery) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  /** File names, oldest first. */
  #waiting: string[] = [];
  #timer: Timer | null = null;
  #working = false;
  #stopped = false;
  #failures = 0;
  #sequence = 0;

  /** @param deliver  rejects with a RelayError; one that is not retryable is not tried again. */
  constructor(
    directory: string,
    deliver: (delivery: Delivery) => Promise<void>,
    clock: Clock,
    log: Log,
  ) {
    this.#directory = directory;
    this.#deliver = deliver;
    this.#clock = clock;
    this.#log = log;
  }

  get pending(): number {
    return this.#waiting.length;
  }

  async start(): Promise<void> {
    await mkdir(join(this.#directory, REFUSED), { recursive: true, mode: 0o700 });
    const known = new Set(this.#waiting);
    const found = (await readdir(this.#directory)).filter(
      (name) => name.endsWith(SUFFIX) && !known.has(name),
    );
    this.#waiting = [...found.sort(), ...this.#waiting];
    this.#work();
  }

  async add(delivery: Delivery): Promise<void> {
    const order = `${this.#clock.epochMs().toString(36).padStart(9, "0")}-${(this.#sequence++ % 46_656).toString(36).padStart(3, "0")}`;
    const name = `${order}-${delivery.call.callSid}${SUFFIX}`;
    const path = join(this.#directory, name);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    // Under another name first: a file that is there is whole.
    await writeFile(`${path}.part`, JSON.stringify(delivery), { mode: 0o600 });
    await rename(`${path}.part`, path);
    // `start` may have seen the file already.
    if (!this.#waiting.includes(name)) this.#waiting.push(name);
    this.#work();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #work(): void {
    if (this.#working || this.#stopped || this.#timer !== null || this.#waiting.length === 0)
      return;
    this.#working = true;
    this.#next().then(
      () => {
        this.#working = false;
        this.#failures = 0;
        this.#work();
      },
      (error: unknown) => {
        this.#working = false;
        this.#pause(error);
      },
    );
  }

  #pause(error: unknown): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    const code = error instanceof RelayError ? error.code : "internal";
    this.#log.warn(
      "a call's record was not accepted yet",
      { code, waiting: this.#waiting.length, pauseMs },
      error,
    );
    if (this.#stopped) return;
    this.#timer = this.#clock.after(pauseMs, () => {
      this.#timer = null;
      this.#work();
    });
  }

  /** Rejects when the oldest has to be tried again. */
  async #next(): Promise<void> {
    const [name] = this.#waiting;
    if (name === undefined) return;
    const path = join(this.#directory, name);
    const delivery = await readDelivery(path);
    if (delivery === "gone") {
      // Another worker that shares the directory has delivered it.
    } else if (delivery === null) {
      this.#log.error("a spooled record cannot be read", { file: name, code: "internal" });
      await this.#refuse(name);
    } else {
      try {
        await this.#deliver(delivery);
        await rm(path, { force: true });
      } catch (error) {
        if (!(error instanceof RelayError) || error.retryable || error.code === "tool_timeout")
          throw error;
        const { callSid } = delivery.call;
        this.#log.error("a call's record was refused", { callSid, code: error.code }, error);
        await this.#refuse(name);
      }
    }
    this.#waiting = this.#waiting.filter((other) => other !== name);
  }

  async #refuse(name: string): Promise<void> {
    await mkdir(join(this.#directory, REFUSED), { recursive: true, mode: 0o700 });
    await rename(join(this.#directory, name), join(this.#directory, REFUSED, name));
  }
}

/** Null: not what `add` writes. Rejects when the disk fails. */
async function readDelivery(path: string): Promise<Delivery | "gone" | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "gone";
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isDelivery(value) ? value : null;
  } catch {
    return null;
  }
}

function isDelivery(value: unknown): value is Delivery {
  if (typeof value !== "object" || value === null) return false;
  const call: unknown = Reflect.get(value, "call");
  return (
    typeof Reflect.get(value, "record") === "string" &&
    typeof call === "object" &&
    call !== null &&
    ["callSid", "from", "to"].every((name) => typeof Reflect.get(call, name) === "string")
  );
}
