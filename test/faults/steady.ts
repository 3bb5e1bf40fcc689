import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface SteadyStart {
  readonly type: "start";
  /** Of the run's own model: sessions that are not of steady calls go there. */
  readonly modelPort: number;
}

export type SteadyOrder =
  | {
      readonly type: "call";
      readonly calls: number;
      readonly port: number;
      readonly publicUrl: string;
      readonly accountSid: string;
      readonly authToken: string;
      readonly number: string;
      readonly relayPid: number;
    }
  | { readonly type: "begin" }
  | { readonly type: "end" };

export interface Moved {
  /** From phone to model. */
  readonly p99Ms: number;
  /** Longest time between two frames of a call at the model; 20 ms at best. */
  readonly gapMs: number;
}

/** As the clock says. */
export interface Measured extends Moved {
  /** Frames that never came. */
  readonly lost: number;
  /** Without what the relay and the measurement waited for a core of the machine. */
  readonly own: Moved;
}

export type FromSteady =
  | { readonly type: "started"; readonly port: number }
  | { readonly type: "calling" }
  | ({ readonly type: "measured" } & Measured)
  | { readonly type: "lost"; readonly call: number; readonly code: number }
  | { readonly type: "failed"; readonly why: string };

/** The steady calls beside each case. */
export class SteadyCalls {
  readonly #child: ChildProcess;
  /** Calls whose stream has ended: none should. */
  readonly lost: number[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message: FromSteady) => {
      if (message.type === "lost") this.lost.push(message.call);
    });
  }

  /** @returns the calls and the port of the model that the relay must use. */
  static async start(modelPort: number): Promise<{ steady: SteadyCalls; port: number }> {
    const child = fork(fileURLToPath(new URL("./steady-calls.ts", import.meta.url)), {
      execArgv: ["--import", "tsx"],
    });
    const steady = new SteadyCalls(child);
    const started = steady.#next("started");
    child.send({ type: "start", modelPort } satisfies SteadyStart);
    return { steady, port: (await started).port };
  }

  async call(order: Omit<SteadyOrder & { type: "call" }, "type">): Promise<void> {
    const calling = this.#next("calling");
    this.#child.send({ type: "call", ...order });
    await calling;
  }

  begin(): void {
    this.#child.send({ type: "begin" });
  }

  async end(): Promise<Measured> {
    const measured = this.#next("measured");
    this.#child.send({ type: "end" });
    return await measured;
  }

  stop(): void {
    this.#child.kill();
  }

  #next<T extends FromSteady["type"]>(type: T): Promise<FromSteady & { type: T }> {
    return new Promise((resolve, reject) => {
      const hear = (message: FromSteady): void => {
        if (message.type !== type && message.type !== "failed") return;
        this.#child.off("message", hear).off("exit", ended);
        if (message.type === "failed") reject(new Error(message.why));
        else resolve(message as FromSteady & { type: T });
      };
      const ended = (): void => reject(new Error("the process of the steady calls has ended"));
      this.#child.on("message", hear).once("exit", ended);
    });
  }
}
