/**
 * The share of a process's CPU that goes to certain sources: samples of all its threads, kernel
 * included, taken by Linux's `perf`. V8's own profiler takes most of what runs in the callbacks of
 * a native socket for idle time.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Without these flags the stack shows addresses instead of functions. */
export const PERF_NODE_FLAGS = ["--perf-prof", "--interpreted-frames-native-stack"] as const;

const SAMPLES_PER_SECOND = 999;
/** What the threads of libuv's pool and of the database do, by the names of their functions. */
const WRITING = /^worker$|^uv__fs_|sqlite3|libsql|tokio/;
/** `7fd6 name (file)`. */
const FRAME = /^\s*[0-9a-f]+ (.*) \([^()]*\)$/;

export interface PerfShare {
  readonly samples: number;
  /** Samples of the main thread with one of the sources anywhere on the stack. */
  readonly main: number;
  /** Samples of other threads that wrote to disk or database. */
  readonly threads: number;
  /** Of `main`, by the first function of the sources on the stack, most first. */
  readonly functions: readonly (readonly [name: string, samples: number])[];
}

/** Samples a process until `stop`. Its files stay in the directory. */
export class PerfSampling {
  readonly #perf: ChildProcess;
  readonly #pid: number;
  readonly #data: string;
  readonly #ended: Promise<void>;

  /** @throws Error without `perf`. */
  constructor(pid: number, directory: string) {
    try {
      execFileSync("perf", ["version"], { stdio: "ignore" });
    } catch (error) {
      throw new Error("perf is missing (Debian: apt-get install linux-perf)", { cause: error });
    }
    this.#pid = pid;
    this.#data = join(directory, "perf.data");
    // V8's clock: perf needs it to know which code was at an address at which time.
    const options = ["-q", "-k", "mono", "-F", String(SAMPLES_PER_SECOND), "-g"];
    this.#perf = spawn("perf", ["record", ...options, "-p", String(pid), "-o", this.#data], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.#ended = new Promise((resolve) => this.#perf.once("close", () => resolve()));
  }

  /**
   * To be called while what V8 has written about its code is there: `jit-PID.dump` in the process's
   * own directory.
   */
  async stop(sources: RegExp): Promise<PerfShare> {
    this.#perf.kill("SIGINT");
    await this.#ended;
    const named = `${this.#data}.jit`;
    execFileSync("perf", ["inject", "--jit", "-i", this.#data, "-o", named], { stdio: "ignore" });
    const script = spawn("perf", ["script", "-i", named, "-F", "comm,tid,ip,sym,dso"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    return await shareOf(createInterface({ input: script.stdout }), this.#pid, sources);
  }
}

/**
 * @param lines  of `perf script -F comm,tid,ip,sym,dso`: a head, the stack from the innermost frame
 *               on, an empty line.
 */
export async function shareOf(
  lines: AsyncIterable<string>,
  pid: number,
  sources: RegExp,
): Promise<PerfShare> {
  const found = { samples: 0, main: 0, threads: 0 };
  const byFunction = new Map<string, number>();
  const count = (head: string, stack: readonly string[]): void => {
    found.samples += 1;
    if (Number(/(\d+)\s*$/.exec(head)?.[1]) !== pid) {
      if (stack.some((frame) => WRITING.test(frame)) || WRITING.test(head)) found.threads += 1;
      return;
    }
    const first = stack.findLast((frame) => sources.test(frame));
    if (first === undefined) return;
    found.main += 1;
    byFunction.set(first, (byFunction.get(first) ?? 0) + 1);
  };
  let head: string | null = null;
  let stack: string[] = [];
  for await (const line of lines) {
    if (line.trim() === "") {
      if (head !== null) count(head, stack);
      head = null;
      stack = [];
    } else if (head === null) head = line;
    else stack.push(FRAME.exec(line)?.[1] ?? "?");
  }
  if (head !== null) count(head, stack);
  return { ...found, functions: [...byFunction].sort((a, b) => b[1] - a[1]) };
}
