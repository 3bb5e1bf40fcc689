import { doublingPauses } from "../../domain/backoff.js";
import { stallAwareDeadline } from "../../domain/stall.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { ToolArguments } from "../../tools/tool.js";
import type { StartToolChild, ToolChild } from "./child-processes.js";
import {
  type DeclaredTool,
  type FromToolProcess,
  type PlainContext,
  readToolMessage,
} from "./tool-messages.js";

export interface ModuleProcessDeps {
  readonly clock: Clock;
  readonly start: StartToolChild;
  /** A process was ended, or has died, against the rules. */
  readonly warn: (reason: string) => void;
}

/** How a call ends. `unavailable`: the process died, hangs, or cannot be started. */
export type CallEnd =
  | { readonly type: "result"; readonly output: string }
  | { readonly type: "error"; readonly stack: string }
  | { readonly type: "unavailable"; readonly reason: string };

export type LoadEnd =
  | { readonly type: "loaded"; readonly tools: readonly DeclaredTool[] }
  | { readonly type: "load_failed"; readonly reason: string };

/** From starting the process to the loaded module. */
const LOAD_MS = 20_000;
/**
 * From an abort to its answer. A process that is silent for longer is stuck, and other calls may
 * wait for it.
 */
const ABORT_MS = 750;
/** The same of a ping, for which no call waits. */
const PING_MS = 2_000;
/**
 * From the last call to the end of the process: memory is not held for a tool that is not called.
 */
const IDLE_MS = 5 * 60_000;
/** Between two looks at memory and life: while calls run, and otherwise. */
const WATCH_BUSY_MS = 250;
const WATCH_IDLE_MS = 5_000;
const MAX_MEMORY_BYTES = 512 * 1024 * 1024;

/**
 * Before a process that has ended against the rules is started again, from the second time in a row
 * on.
 */
const restartPause = doublingPauses(1_000, 30_000);

interface Call {
  readonly id: number;
  readonly key: string;
  readonly args: ToolArguments;
  readonly context: PlainContext;
  readonly done: (end: CallEnd) => void;
  /** It has reached the tool: it may have had an effect, so that it cannot be repeated. */
  started: boolean;
  /** It was sent to a process that was stuck, and to another one. */
  repeated: boolean;
}

interface Running {
  readonly child: ToolChild;
  loaded: LoadEnd | null;
  readonly onLoaded: ((end: LoadEnd) => void)[];
  readonly calls: Map<number, Call>;
  /** Of aborts and pings that wait for their answer. */
  readonly answers: Map<number, Timer>;
}

/**
 * One module in a process of its own, started when it is needed. A process that dies, hangs or
 * takes too much memory costs the calls that are under way in it; the next call starts another.
 */
export class ModuleProcess {
  readonly path: string;
  readonly #deps: ModuleProcessDeps;
  #running: Running | null = null;
  #watch: Timer | null = null;
  #lastPing = 0;
  /** Null: there was none yet. */
  #lastUseMs: number | null = null;
  /** It is to run although no call has come. */
  #isKept = false;
  #deaths = 0;
  #restartAtMs = Number.NEGATIVE_INFINITY;

  /** @param path  absolute. */
  constructor(path: string, deps: ModuleProcessDeps) {
    this.path = path;
    this.#deps = deps;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Tells what the module declares. Unless a call has come, the process is then ended again. */
  describe(done: (end: LoadEnd) => void): void {
    this.#whenLoaded(this.#running ?? this.#start(), (end) => {
      done(end);
      if (this.#lastUseMs === null && !this.#isKept) this.stop();
    });
  }

  /** Runs it before the first call comes. @param done  it is loaded, or will not be for now. */
  keepReady(done: () => void): void {
    this.#isKept = true;
    const running = this.#running ?? (this.#mayStart ? this.#start() : null);
    if (running === null) done();
    else this.#whenLoaded(running, done);
  }

  /** Another version of it is kept ready. Calls that use this one go on. */
  replaced(): void {
    this.#isKept = false;
    if (this.#lastUseMs === null) this.stop();
  }

  /** A call may come soon: the caller should not wait for the process to start. */
  warm(): void {
    this.#lastUseMs = this.#deps.clock.nowMs();
    if (this.#running === null && this.#mayStart) this.#start();
  }

  /**
   * Runs a tool.
   *
   * @param id    given by the relay; `abort` names it.
   * @param done  called once, however the call ends.
   */
  call(
    id: number,
    key: string,
    args: ToolArguments,
    context: PlainContext,
    done: (end: CallEnd) => void,
  ): void {
    this.#lastUseMs = this.#deps.clock.nowMs();
    this.#dispatch({ id, key, args, context, done, started: false, repeated: false });
  }

  #dispatch(call: Call): void {
    if (this.#running === null && !this.#mayStart) {
      const reason = "it has ended again and again, and is started later";
      call.done({ type: "unavailable", reason });
      return;
    }
    const running = this.#running ?? this.#start();
    const { id, key, args, context } = call;
    running.calls.set(id, call);
    this.#whenLoaded(running, () => {
      if (running.calls.has(id)) running.child.send({ type: "call", id, key, args, context });
    });
    this.#checkAfter(running, WATCH_BUSY_MS);
  }

  /**
   * The caller has hung up, or the deadline has passed. A tool that does not even take notice is
   * ended.
   */
  abort(id: number): void {
    const running = this.#running;
    if (running?.calls.has(id) !== true) return;
    if (running.loaded === null) this.#settle(running, id, STOPPED);
    else this.#expect(running, { type: "abort", id });
  }

  /** Ends the process; calls that are under way fail. The next call starts another. */
  stop(): void {
    this.#end("stopped");
  }

  get #mayStart(): boolean {
    return this.#deps.clock.nowMs() >= this.#restartAtMs;
  }

  #start(): Running {
    const running: Running = {
      child: this.#deps.start(this.path, {
        message: (value) => this.#received(running, readToolMessage(value)),
        ended: (how) => this.#failed(running, `died (${how})`),
      }),
      loaded: null,
      onLoaded: [],
      calls: new Map(),
      answers: new Map(),
    };
    this.#running = running;
    const late = this.#deps.clock.after(LOAD_MS, () =>
      this.#failed(running, "did not load in time"),
    );
    this.#whenLoaded(running, () => late.cancel());
    this.#checkAfter(running, WATCH_IDLE_MS);
    return running;
  }

  #whenLoaded(running: Running, run: (end: LoadEnd) => void): void {
    if (running.loaded === null) running.onLoaded.push(run);
    else run(running.loaded);
  }

  #received(running: Running, message: FromToolProcess | null): void {
    if (message === null || this.#running !== running) return;
    switch (message.type) {
      case "ready":
        this.#load(running, { type: "loaded", tools: message.tools });
        return;
      case "load_failed":
        this.#load(running, message);
        this.#end("could not load its module");
        return;
      case "started": {
        const call = running.calls.get(message.id);
        if (call !== undefined) call.started = true;
        return;
      }
      case "result":
        this.#deaths = 0;
        this.#settle(running, message.id, message);
        return;
      case "error":
        this.#settle(running, message.id, message);
        return;
      case "aborted":
        this.#answered(running, message.id);
        this.#settle(running, message.id, STOPPED);
        return;
      case "pong":
        this.#answered(running, message.id);
    }
  }

  #load(running: Running, end: LoadEnd): void {
    if (running.loaded !== null) return;
    running.loaded = end;
    for (const run of running.onLoaded.splice(0)) run(end);
  }

  #settle(running: Running, id: number, end: CallEnd): void {
    const call = running.calls.get(id);
    running.calls.delete(id);
    call?.done(end);
  }

  /** Sends what any process with a free event loop answers at once. */
  #expect(running: Running, message: { readonly type: "abort" | "ping"; readonly id: number }) {
    running.child.send(message);
    this.#answered(running, message.id);
    running.answers.set(
      message.id,
      stallAwareDeadline(this.#deps.clock, message.type === "abort" ? ABORT_MS : PING_MS, () =>
        this.#failed(running, "does not answer"),
      ),
    );
  }

  #answered(running: Running, id: number): void {
    running.answers.get(id)?.cancel();
    running.answers.delete(id);
  }

  #checkAfter(running: Running, ms: number): void {
    this.#watch?.cancel();
    this.#watch = this.#deps.clock.after(ms, () => void this.#check(running));
  }

  async #check(running: Running): Promise<void> {
    if (this.#running !== running) return;
    const busy = running.calls.size > 0;
    const idleMs = this.#deps.clock.nowMs() - (this.#lastUseMs ?? Number.POSITIVE_INFINITY);
    if (!busy && idleMs >= IDLE_MS) {
      this.stop();
      return;
    }
    this.#checkAfter(running, busy ? WATCH_BUSY_MS : WATCH_IDLE_MS);
    // A call may compute for as long as its deadline allows. Between calls there is nothing to
    // compute.
    if (!busy && running.loaded !== null)
      this.#expect(running, { type: "ping", id: --this.#lastPing });
    const bytes = await running.child.memoryBytes();
    if (bytes !== null && bytes > MAX_MEMORY_BYTES) this.#failed(running, "takes too much memory");
  }

  /** The process has ended against the rules, or is ended for breaking them. */
  #failed(running: Running, reason: string): void {
    if (this.#running !== running) return;
    this.#deps.warn(reason);
    this.#deaths++;
    const pauseMs = this.#deaths < 2 ? 0 : (restartPause(this.#deaths - 1) ?? 0);
    this.#restartAtMs = this.#deps.clock.nowMs() + pauseMs;
    // Calls that had not reached the tool are not at fault, and have done nothing yet.
    const waiting =
      running.loaded === null
        ? []
        : [...running.calls.values()].filter(({ started, repeated }) => !started && !repeated);
    for (const { id } of waiting) running.calls.delete(id);
    this.#end(reason);
    for (const call of waiting) this.#dispatch({ ...call, repeated: true });
  }

  #end(reason: string): void {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    this.#watch?.cancel();
    for (const timer of running.answers.values()) timer.cancel();
    running.answers.clear();
    running.child.kill();
    const why = `its process ${reason}`;
    for (const id of [...running.calls.keys()])
      this.#settle(running, id, { type: "unavailable", reason: why });
    this.#load(running, { type: "load_failed", reason: why });
  }
}

const STOPPED: CallEnd = { type: "unavailable", reason: "the call was given up" };
