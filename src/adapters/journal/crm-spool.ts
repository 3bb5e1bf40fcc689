import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { doublingPauses } from "../../domain/backoff.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { CrmCall } from "../../ports/crm.js";
import type { Log } from "../../ports/log.js";
import { isMissing } from "./file-errors.js";

export interface Delivery {
  readonly call: CrmCall;
  /** JSON. */
  readonly record: string;
}

/** From a failed delivery to the next try. */
const pauseAfter = doublingPauses(1_000, 300_000);
const SUFFIX = ".json";
/** Records that the customer database refuses for good are kept here, for a person to look at. */
const REFUSED = "refused";

/**
 * Call records that the customer database has not accepted yet. Each is a file. They are delivered
 * one after the other, oldest first, and tried again with growing pauses, also after a restart.
 */
export class CrmSpool {
  readonly #directory: string;
  readonly #deliver: (delivery: Delivery) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  /** File names, oldest first. */
  #waiting: string[] = [];
  #timer: Timer | null = null;
  #delivering = false;
  #stopped = false;
  #failures = 0;
  #sequence = 0;

  /**
   * @param deliver  rejects with a RelayError. One that is neither retryable nor a time-out sets
   *                 the
   * record aside.
   */
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

  /** Finds what an earlier process left behind and begins to deliver it. */
  async start(): Promise<void> {
    await mkdir(join(this.#directory, REFUSED), { recursive: true, mode: 0o700 });
    const known = new Set(this.#waiting);
    const found = (await readdir(this.#directory)).filter(
      (name) => name.endsWith(SUFFIX) && !known.has(name),
    );
    this.#waiting = [...found.sort(), ...this.#waiting];
    this.#deliverNext();
  }

  /** Resolves when the record is on disk. */
  async add(delivery: Delivery): Promise<void> {
    const name = this.#fileName(delivery.call.callSid);
    const path = join(this.#directory, name);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    // Under another name first, so that a file with the final name is always complete.
    await writeFile(`${path}.part`, JSON.stringify(delivery), { mode: 0o600 });
    await rename(`${path}.part`, path);
    // `start` may have found the file already.
    if (!this.#waiting.includes(name)) this.#waiting.push(name);
    this.#deliverNext();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Names sort by time. The sequence number orders records of the same millisecond. */
  #fileName(callSid: string): string {
    const time = this.#clock.epochMs().toString(36).padStart(9, "0");
    const sequence = (this.#sequence++ % 46_656).toString(36).padStart(3, "0");
    return `${time}-${sequence}-${callSid}${SUFFIX}`;
  }

  #deliverNext(): void {
    const isBusy = this.#delivering || this.#timer !== null;
    if (isBusy || this.#stopped || this.#waiting.length === 0) return;
    this.#delivering = true;
    this.#deliverOldest().then(
      () => {
        this.#delivering = false;
        this.#failures = 0;
        this.#deliverNext();
      },
      (error: unknown) => {
        this.#delivering = false;
        this.#pause(error);
      },
    );
  }

  #pause(error: unknown): void {
    this.#failures++;
    const pauseMs = pauseAfter(this.#failures) ?? 0;
    const code = errorCodeOf(error);
    const fields = { code, waiting: this.#waiting.length, pauseMs };
    this.#log.warn("crm: call_completed not delivered, will retry", fields, error);
    if (this.#stopped) return;
    this.#timer = this.#clock.after(pauseMs, () => {
      this.#timer = null;
      this.#deliverNext();
    });
  }

  /** Rejects when the oldest record has to be tried again. */
  async #deliverOldest(): Promise<void> {
    const [name] = this.#waiting;
    if (name === undefined) return;
    const path = join(this.#directory, name);
    const delivery = await readDelivery(path);
    // "gone": another worker that shares the directory has delivered the record.
    if (delivery === null) {
      this.#log.error("crm: spooled record unreadable", { file: name, code: "internal" });
      await this.#setAside(name);
    } else if (delivery !== "gone") {
      await this.#deliverFile(name, delivery);
    }
    this.#waiting = this.#waiting.filter((other) => other !== name);
  }

  async #deliverFile(name: string, delivery: Delivery): Promise<void> {
    try {
      await this.#deliver(delivery);
      await rm(join(this.#directory, name), { force: true });
    } catch (error) {
      if (!(error instanceof RelayError) || error.retryable || error.code === "tool_timeout")
        throw error;
      const { callSid } = delivery.call;
      this.#log.error("crm: call_completed refused", { callSid, code: error.code }, error);
      await this.#setAside(name);
    }
  }

  async #setAside(name: string): Promise<void> {
    await mkdir(join(this.#directory, REFUSED), { recursive: true, mode: 0o700 });
    await rename(join(this.#directory, name), join(this.#directory, REFUSED, name));
  }
}

/** Null when `add` did not write the file. Rejects when the disk fails. */
async function readDelivery(path: string): Promise<Delivery | "gone" | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return "gone";
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
