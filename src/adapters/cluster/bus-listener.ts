import pg from "pg";
import { doublingPauses } from "../../domain/backoff.js";
import type { Clock, Timer } from "../../ports/clock.js";

/** From a lost connection to the next dial. */
const redialPause = doublingPauses(250, 5_000);

export interface BusListenerOptions {
  readonly settings: pg.ClientConfig;
  /** An SQL identifier. */
  readonly channel: string;
  readonly clock: Clock;
  readonly onMessage: (payload: string) => void;
  readonly onConnected: () => void;
  readonly onLost: (error: unknown) => void;
}

/**
 * Listens on a channel of PostgreSQL. It has its own connection outside the pool, because a
 * subscription belongs to a connection, and connects again when that is lost.
 */
export class BusListener {
  readonly #options: BusListenerOptions;
  #client: pg.Client | null = null;
  #connected = false;
  #failures = 0;
  #redial: Timer | null = null;
  #stopped = false;

  constructor(options: BusListenerOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Does not wait for the database. */
  start(): void {
    void this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#redial?.cancel();
    await this.#client?.end().catch((error: unknown) => this.#options.onLost(error));
  }

  async #connect(): Promise<void> {
    const { settings, channel, onMessage, onConnected } = this.#options;
    const client = new pg.Client(settings);
    this.#client = client;
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, null));
    client.on("notification", ({ payload }) => {
      if (payload !== undefined) onMessage(payload);
    });
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
    } catch (error) {
      this.#lost(client, error);
      return;
    }
    this.#connected = true;
    this.#failures = 0;
    onConnected();
  }

  /** A connection that breaks may report several errors. */
  #lost(client: pg.Client, error: unknown): void {
    if (this.#client !== client) return;
    const { clock, onLost } = this.#options;
    this.#client = null;
    this.#connected = false;
    if (error !== null) onLost(error);
    client.end().catch(onLost);
    if (this.#stopped) return;
    this.#failures += 1;
    this.#redial = clock.after(redialPause(this.#failures) ?? 0, () => void this.#connect());
  }
}
