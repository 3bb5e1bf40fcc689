import { beforeEach, describe, expect, it } from "vitest";
import type { AgentsPart } from "../../src/config/agents/agents-parts.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { FromWorker, ToWorker } from "../../src/supervisor/messages.js";
import { Supervisor } from "../../src/supervisor/supervisor.js";
import type { WorkerProcessEvents } from "../../src/supervisor/worker-process.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { settle } from "../fakes/sip-bench.js";

class FakeWorker {
  readonly sent: ToWorker[] = [];
  readonly #events: WorkerProcessEvents;
  readonly worker: number;
  killed = false;
  gone = false;

  constructor(worker: number, events: WorkerProcessEvents) {
    this.worker = worker;
    this.#events = events;
  }

  sends(message: FromWorker): void {
    this.#events.message(message);
  }

  startsListening(publicPort = 8080): void {
    const ports = {
      publicPort,
      ownPort: publicPort + 1 + this.worker,
      adminPort: 5000 + this.worker,
    };
    this.sends({ type: "listening", ...ports });
  }

  sendsHeartbeat(reason = "ok", calls = 0, asked = 0): void {
    const metrics = { families: {}, process: "" };
    this.sends({
      type: "heartbeat",
      ...(asked === 0 ? {} : { asked }),
      readiness: { ready: reason === "ok", reason },
      calls,
      metrics,
    });
  }

  exits(how = "SIGSEGV"): void {
    this.gone = true;
    this.#events.exited(how);
  }

  last(type: ToWorker["type"]): ToWorker | undefined {
    return this.sent.filter((message) => message.type === type).at(-1);
  }
}

const CALL = `CA${"1".repeat(32)}` as CallSid;
const FAULT = { path: "", line: 1, column: 1, problem: "tool t: cannot be loaded" };
const REQUEST = { kind: "stream_elsewhere" } as const;

let clock: FakeClock;
let spawned: FakeWorker[];
let log: FakeLog;
let supervisor: Supervisor;
/** What the workers start with, and what is read again. */
let agents: readonly AgentsPart[];
let read: readonly AgentsPart[];

function make(publicPort = 8080, workers = 2): void {
  supervisor = new Supervisor(
    { workers, publicPort, drainSeconds: 30 },
    {
      clock,
      log,
      spawn: (worker, events) => {
        const fake = new FakeWorker(worker, events);
        spawned.push(fake);
        return {
          pid: spawned.length,
          send: (message) => {
            if (!fake.gone) fake.sent.push(message);
          },
          kill: () => {
            fake.killed = true;
          },
        };
      },
      agents,
      readAgents: async () => read,
    },
  );
}

async function running(): Promise<[FakeWorker, FakeWorker]> {
  const started = supervisor.start();
  for (const fake of spawned) fake.startsListening();
  await started;
  return [spawned[0]!, spawned[1]!];
}

beforeEach(() => {
  clock = new FakeClock();
  spawned = [];
  log = new FakeLog();
  agents = [];
  read = [{ part: "end" }];
  make();
});

describe("starting", () => {
  it("tells each worker its number and port, and has started when all listen", async () => {
    const started = supervisor.start();
    expect(spawned.map((fake) => fake.sent)).toEqual([
      [{ type: "begin", worker: 0, publicPort: 8080 }],
      [{ type: "begin", worker: 1, publicPort: 8080 }],
    ]);
    expect(supervisor.readiness()).toEqual({ ready: false, reason: "no_worker" });
    const begun = supervisor.begun();
    expect(begun).not.toBeNull();
    spawned[0]!.startsListening();
    await begun;
    expect(supervisor.begun()).toBeNull();
    spawned[1]!.startsListening();
    expect(await started).toBe(8080);
    expect(supervisor.readiness()).toEqual({ ready: true, reason: "ok" });
  });

  it("tells readiness and metrics as they are now, not as of the last heartbeat", async () => {
    const [first, second] = await running();
    second.sendsHeartbeat("draining");
    first.sendsHeartbeat();
    const refreshed = supervisor.refresh();
    expect(first.last("heartbeat_now")).toEqual({ type: "heartbeat_now", asked: 1 });
    first.sendsHeartbeat("full", 7, 1);
    second.sendsHeartbeat("draining", 0, 1);
    await refreshed;
    expect(supervisor.readiness()).toEqual({ ready: false, reason: "full" });
    expect(clock.pending).toBe(1);
  });

  it("lets the first worker choose a free port, and gives it to the others", async () => {
    make(0);
    const started = supervisor.start();
    expect(spawned).toHaveLength(1);
    spawned[0]!.startsListening(40_000);
    expect(spawned[1]!.sent).toEqual([{ type: "begin", worker: 1, publicPort: 40_000 }]);
    spawned[1]!.startsListening(40_000);
    expect(await started).toBe(40_000);
  });

  it.each([
    [
      "refuses to start",
      (fake: FakeWorker) => fake.sends({ type: "refused", problem: "port taken" }),
    ],
    ["dies", (fake: FakeWorker) => fake.exits("status 1")],
  ])("ends all workers when one %s", async (_, fail) => {
    const started = supervisor.start();
    const rejected = expect(started).rejects.toThrow(/port taken|status 1/);
    spawned[0]!.startsListening();
    fail(spawned[1]!);
    expect(spawned[0]!.killed).toBe(true);
    for (const fake of spawned) if (!fake.gone) fake.exits("SIGKILL");
    await rejected;
    expect(clock.pending).toBe(0);
  });
});

describe("watching", () => {
  it("replaces a worker that died, with growing pauses", async () => {
    await running();
    spawned[0]!.exits();
    expect(supervisor.readiness().ready).toBe(true);
    expect(supervisor.snapshots().map(({ up }) => up)).toEqual([false, true]);
    clock.advance(249);
    expect(spawned).toHaveLength(2);
    clock.advance(1);
    expect(spawned[2]!.sent[0]).toEqual({ type: "begin", worker: 0, publicPort: 8080 });
    spawned[2]!.exits();
    spawned[1]!.sendsHeartbeat();
    clock.advance(499);
    expect(spawned).toHaveLength(3);
    clock.advance(1);
    expect(spawned).toHaveLength(4);
  });

  it("waits at most ten seconds, and less again after a steady minute", async () => {
    const [, other] = await running();
    for (let i = 0; i < 12; i++) {
      spawned.at(-1)!.worker === 0 ? spawned.at(-1)!.exits() : spawned[0]!.exits();
      for (let s = 0; s < 10; s++) {
        clock.advance(1_000);
        other.sendsHeartbeat();
      }
    }
    const before = spawned.length;
    const steady = spawned.at(-1)!;
    expect(steady.worker).toBe(0);
    steady.startsListening();
    for (let s = 0; s < 61; s++) {
      clock.advance(1_000);
      other.sendsHeartbeat();
      steady.sendsHeartbeat();
    }
    steady.exits();
    clock.advance(250);
    expect(spawned).toHaveLength(before + 1);
  });

  it("kills a worker that was silent for five seconds, and no other", async () => {
    const [one, two] = await running();
    for (let i = 0; i < 4; i++) {
      clock.advance(1_000);
      two.sendsHeartbeat();
    }
    expect(one.killed).toBe(false);
    clock.advance(1_000);
    two.sendsHeartbeat();
    clock.advance(500);
    expect([one.killed, two.killed]).toEqual([true, false]);
    expect(supervisor.snapshots().map(({ up }) => up)).toEqual([false, true]);
    one.exits("SIGKILL");
    clock.advance(250);
    expect(spawned).toHaveLength(3);
  });

  it("blames no worker for a time in which the machine stood still", async () => {
    const [first, second] = await running();
    clock.advance(1_000);
    first.sendsHeartbeat();
    second.sendsHeartbeat();
    clock.standStill(60_000);
    expect([first.killed, second.killed]).toEqual([false, false]);
    expect(supervisor.readiness()).toMatchObject({ ready: true });
    first.sendsHeartbeat();
    for (let s = 0; s < 6; s++) {
      clock.advance(1_000);
      first.sendsHeartbeat();
    }
    expect([first.killed, second.killed]).toEqual([false, true]);
  });

  it("notices a worker that stalls after the machine stood still", async () => {
    const [first, second] = await running();
    clock.standStill(3_600_000, () => {
      first.sendsHeartbeat();
      second.sendsHeartbeat();
    });
    for (let s = 0; s < 5; s++) {
      expect([first.killed, second.killed]).toEqual([false, false]);
      clock.advance(1_000);
      first.sendsHeartbeat();
    }
    clock.advance(500);
    expect([first.killed, second.killed]).toEqual([false, true]);
  });

  it("gives a worker half a minute to start", async () => {
    void supervisor.start();
    clock.advance(29_900);
    expect(spawned.some(({ killed }) => killed)).toBe(false);
    clock.advance(600);
    expect(spawned.every(({ killed }) => killed)).toBe(true);
  });

  it("is ready while one worker is, and otherwise gives a reason", async () => {
    const [one, two] = await running();
    one.sendsHeartbeat("full");
    expect(supervisor.readiness()).toEqual({ ready: true, reason: "ok" });
    two.sendsHeartbeat("database");
    expect(supervisor.readiness()).toEqual({ ready: false, reason: "full" });
  });
});

describe("replacing a failing worker", () => {
  it("keeps it until another one listens, then retires it", async () => {
    const [one, two] = await running();
    one.sends({ type: "claim", callSid: CALL });
    one.sends({ type: "failing" });
    clock.advance(250);
    const next = spawned[2]!;
    expect(next.sent[0]).toEqual({ type: "begin", worker: 0, publicPort: 8080 });
    expect([one.killed, one.last("retire")]).toEqual([false, undefined]);
    next.startsListening();
    expect(one.last("retire")).toEqual({ type: "retire" });
    // The retired process still owns its calls.
    two.sends({ type: "request", id: 1, callSid: CALL, request: REQUEST });
    expect(one.last("request")).toBeDefined();
    expect(supervisor.snapshots().map(({ worker }) => worker)).toEqual(["0", "1", "0-retired"]);
    one.exits("status 0");
    clock.advance(20_000);
    expect(spawned).toHaveLength(3);
  });

  it("replaces a failing worker that dies before its replacement listens only once", async () => {
    const [one] = await running();
    one.sends({ type: "failing" });
    clock.advance(250);
    one.exits();
    clock.advance(4_000);
    expect(spawned).toHaveLength(3);
    spawned[2]!.startsListening();
    expect(supervisor.readiness().ready).toBe(true);
  });

  it("replaces it again when the replacement dies while it starts", async () => {
    const [one] = await running();
    one.sends({ type: "failing" });
    clock.advance(250);
    spawned[2]!.exits();
    one.sendsHeartbeat();
    clock.advance(500);
    expect(spawned).toHaveLength(4);
    spawned[3]!.startsListening();
    expect(one.last("retire")).toBeDefined();
  });

  it("starts one replacement per failing worker, and no third one", async () => {
    const [first, other] = await running();
    let current = first;
    for (let n = 1; n <= 2; n++) {
      for (let i = 0; i < 5; i++) current.sends({ type: "failing" });
      clock.advance(500);
      expect(spawned).toHaveLength(2 + n);
      current = spawned.at(-1)!;
      current.startsListening();
    }
    current.sends({ type: "failing" });
    for (let s = 0; s < 20; s++) {
      clock.advance(1_000);
      for (const fake of [...spawned, other]) fake.sendsHeartbeat();
    }
    expect(spawned).toHaveLength(4);
    expect(log.lines.at(-1)).toContain("too many are being replaced");
  });
});

describe("reload", () => {
  it("reaches every worker except retired ones", async () => {
    const [one, two] = await running();
    one.sends({ type: "failing" });
    clock.advance(250);
    spawned[2]!.startsListening();
    const asked = supervisor.reload();
    await settle();
    clock.advance(10);
    two.sends({ type: "reloaded", reload: 1, faults: null });
    spawned[2]!.sends({ type: "reloaded", reload: 1, faults: [FAULT] });
    expect(await asked).toEqual([FAULT]);
    expect([one, two, spawned[2]!].map((fake) => fake.last("agents"))).toEqual([
      undefined,
      { type: "agents", reload: 1, part: { part: "end" } },
      { type: "agents", reload: 1, part: { part: "end" } },
    ]);
  });

  it("is what a worker gets that takes another one's place, and nothing of a file not reloaded", async () => {
    const begin = (defaultAgent: string): AgentsPart => ({ part: "begin", rest: { defaultAgent } });
    const got = (fake: FakeWorker) =>
      fake.sent.flatMap((message) => (message.type === "agents" ? [message.part] : []));
    agents = [begin("first"), { part: "end" }];
    make();
    const [one, two] = await running();
    expect(got(one)).toEqual(agents);
    read = [begin("changed"), { part: "end" }];
    one.exits();
    clock.advance(250);
    expect(got(spawned[2]!)).toEqual(agents);
    spawned[2]!.startsListening();
    const asked = supervisor.reload();
    for (const _ of read) {
      await settle();
      clock.advance(10);
    }
    await settle();
    spawned[2]!.sends({ type: "reloaded", reload: 1, faults: null });
    // One that ends reports nothing.
    two.exits();
    expect(await asked).toBeNull();
    clock.advance(250);
    expect(got(spawned[3]!)).toEqual(read);
  });

  it("is answered to the worker that asked for it", async () => {
    const [one, two] = await running();
    two.sends({ type: "reload", id: 7 });
    await settle();
    clock.advance(10);
    for (const fake of [one, two]) fake.sends({ type: "reloaded", reload: 1, faults: null });
    await expect
      .poll(() => two.last("reload_read"))
      .toEqual({
        type: "reload_read",
        id: 7,
        faults: null,
      });
    expect(one.last("reload_read")).toBeUndefined();
    expect(one.last("agents")).toBeDefined();
  });
});

describe("refuseCalls", () => {
  it("reaches every worker, also one that starts later, and ends none", async () => {
    const [one, two] = await running();
    two.sends({ type: "refuse_calls" });
    const types = (fake: typeof two) => fake.sent.map(({ type }) => type);
    expect([types(one), types(two)]).toEqual([
      ["begin", "refuse_calls"],
      ["begin", "refuse_calls"],
    ]);
    // At once, not with the workers' next heartbeats.
    expect(supervisor.readiness()).toEqual({ ready: false, reason: "draining" });
    one.exits();
    clock.advance(250);
    expect(types(spawned[2]!)).toEqual(["begin", "refuse_calls"]);
  });
});

describe("adminPorts", () => {
  it("names the owner of the call first, and otherwise each worker in turn", async () => {
    const [, two] = await running();
    two.sends({ type: "claim", callSid: CALL });
    expect([supervisor.adminPorts(CALL)[0], supervisor.adminPorts(CALL)[0]]).toEqual([5001, 5001]);
    const first = [1, 2, 3, 4].map(() => supervisor.adminPorts(null)[0]);
    expect(new Set(first)).toEqual(new Set([5000, 5001]));
    expect(supervisor.ownPorts()).toEqual([8081, 8082]);
  });
});

describe("the shutdown", () => {
  it("is not ready at once, replaces no worker, and ends with the last one", async () => {
    const [one, two] = await running();
    const over = supervisor.drain();
    expect(supervisor.readiness()).toEqual({ ready: false, reason: "draining" });
    expect(one.last("drain")).toBeDefined();
    one.exits("status 0");
    clock.advance(20_000);
    expect(spawned).toHaveLength(2);
    two.exits("status 0");
    await over;
    expect(clock.pending).toBe(0);
  });

  it("starts no worker for what the last one still owned when it was drained", async () => {
    const [one, two] = await running();
    two.sends({ type: "claim", callSid: CALL });
    const over = supervisor.drain();
    for (const fake of [one, two]) fake.sends({ type: "drained" });
    for (const fake of [one, two]) fake.exits("status 0");
    expect(spawned).toHaveLength(2);
    await over;
  });

  it("starts one for a call that the last one took over after it was drained", async () => {
    const [one, two] = await running();
    void supervisor.drain();
    two.sends({ type: "drained" });
    one.exits();
    two.sends({ type: "claim", callSid: CALL });
    two.exits("status 0");
    expect(spawned).toHaveLength(3);
  });

  it("cancels a restart that is due", async () => {
    const [one, two] = await running();
    one.exits();
    const over = supervisor.drain();
    clock.advance(10_000);
    expect(spawned).toHaveLength(2);
    two.exits("status 0");
    await over;
  });

  it("abandons calls on the second request", async () => {
    const [one, two] = await running();
    const drained = supervisor.drain();
    const stopped = supervisor.stop();
    for (const fake of [one, two]) {
      expect(fake.last("abandon")).toBeDefined();
      fake.sends({ type: "drained" });
    }
    for (const fake of [one, two]) {
      expect(fake.last("stop")).toBeDefined();
      fake.exits("status 0");
    }
    await Promise.all([drained, stopped]);
  });
});
