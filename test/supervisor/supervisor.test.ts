import { beforeEach, describe, expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import type { FromWorker, ToWorker } from "../../src/supervisor/messages.js";
import { Supervisor, type WorkerProcessEvents } from "../../src/supervisor/supervisor.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

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

  says(message: FromWorker): void {
    this.#events.message(message);
  }

  listens(publicPort = 8080): void {
    const ports = {
      publicPort,
      ownPort: publicPort + 1 + this.worker,
      adminPort: 5000 + this.worker,
    };
    this.says({ type: "listening", ...ports });
  }

  pulses(reason = "ok", calls = 0): void {
    const metrics = { families: {}, process: "" };
    this.says({ type: "pulse", readiness: { ready: reason === "ok", reason }, calls, metrics });
  }

  dies(how = "SIGSEGV"): void {
    this.gone = true;
    this.#events.exited(how);
  }

  last(type: ToWorker["type"]): ToWorker | undefined {
    return this.sent.filter((message) => message.type === type).at(-1);
  }
}

const CALL = `CA${"1".repeat(32)}` as CallSid;

let clock: FakeClock;
let spawned: FakeWorker[];
let log: FakeLog;
let supervisor: Supervisor;

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
    },
  );
}

async function running(): Promise<[FakeWorker, FakeWorker]> {
  const started = supervisor.start();
  for (const fake of spawned) fake.listens();
  await started;
  return [spawned[0]!, spawned[1]!];
}

beforeEach(() => {
  clock = new FakeClock();
  spawned = [];
  log = new FakeLog();
  make();
});

describe("starting", () => {
  it("tells each worker its number and port, and is there when all listen", async () => {
    const started = supervisor.start();
    expect(spawned.map((fake) => fake.sent)).toEqual([
      [{ type: "begin", worker: 0, publicPort: 8080 }],
      [{ type: "begin", worker: 1, publicPort: 8080 }],
    ]);
    expect(supervisor.readiness()).toEqual({ ready: false, reason: "no_worker" });
    spawned[0]!.listens();
    spawned[1]!.listens();
    expect(await started).toBe(8080);
    expect(supervisor.readiness()).toEqual({ ready: true, reason: "ok" });
  });

  it("lets the first worker find a free port, and gives that to the others", async () => {
    make(0);
    const started = supervisor.start();
    expect(spawned).toHaveLength(1);
    spawned[0]!.listens(40_000);
    expect(spawned[1]!.sent).toEqual([{ type: "begin", worker: 1, publicPort: 40_000 }]);
    spawned[1]!.listens(40_000);
    expect(await started).toBe(40_000);
  });

  it.each([
    [
      "says why it cannot",
      (fake: FakeWorker) => fake.says({ type: "refused", problem: "port taken" }),
    ],
    ["dies", (fake: FakeWorker) => fake.dies("status 1")],
  ])("ends all of them when one %s", async (_, fail) => {
    const started = supervisor.start();
    const told = expect(started).rejects.toThrow(/port taken|status 1/);
    spawned[0]!.listens();
    fail(spawned[1]!);
    expect(spawned[0]!.killed).toBe(true);
    for (const fake of spawned) if (!fake.gone) fake.dies("SIGKILL");
    await told;
    expect(clock.pending).toBe(0);
  });
});

describe("watching", () => {
  it("replaces a worker that died, sooner the first time than the next", async () => {
    await running();
    spawned[0]!.dies();
    expect(supervisor.readiness().ready).toBe(true);
    expect(supervisor.snapshots().map(({ up }) => up)).toEqual([false, true]);
    clock.advance(249);
    expect(spawned).toHaveLength(2);
    clock.advance(1);
    expect(spawned[2]!.sent[0]).toEqual({ type: "begin", worker: 0, publicPort: 8080 });
    spawned[2]!.dies();
    spawned[1]!.pulses();
    clock.advance(499);
    expect(spawned).toHaveLength(3);
    clock.advance(1);
    expect(spawned).toHaveLength(4);
  });

  it("never waits longer than ten seconds, and begins anew after a minute of health", async () => {
    const [, other] = await running();
    for (let i = 0; i < 12; i++) {
      spawned.at(-1)!.worker === 0 ? spawned.at(-1)!.dies() : spawned[0]!.dies();
      for (let s = 0; s < 10; s++) {
        clock.advance(1_000);
        other.pulses();
      }
    }
    const before = spawned.length;
    const steady = spawned.at(-1)!;
    expect(steady.worker).toBe(0);
    steady.listens();
    for (let s = 0; s < 61; s++) {
      clock.advance(1_000);
      other.pulses();
      steady.pulses();
    }
    steady.dies();
    clock.advance(250);
    expect(spawned).toHaveLength(before + 1);
  });

  it("ends a worker that has said nothing for five seconds, and no other", async () => {
    const [one, two] = await running();
    for (let i = 0; i < 4; i++) {
      clock.advance(1_000);
      two.pulses();
    }
    expect(one.killed).toBe(false);
    clock.advance(1_000);
    two.pulses();
    clock.advance(500);
    expect([one.killed, two.killed]).toEqual([true, false]);
    expect(supervisor.snapshots().map(({ up }) => up)).toEqual([false, true]);
    one.dies("SIGKILL");
    clock.advance(250);
    expect(spawned).toHaveLength(3);
  });

  it("blames nobody for a silence in which the machine stood still", async () => {
    const [first, second] = await running();
    clock.advance(1_000);
    first.pulses();
    second.pulses();
    clock.standStill(60_000);
    expect([first.killed, second.killed]).toEqual([false, false]);
    expect(supervisor.readiness()).toMatchObject({ ready: true });
    first.pulses();
    for (let s = 0; s < 6; s++) {
      clock.advance(1_000);
      first.pulses();
    }
    expect([first.killed, second.killed]).toEqual([false, true]);
  });

  it("notices who stalls after a standstill as soon as ever", async () => {
    const [first, second] = await running();
    clock.standStill(3_600_000, () => {
      first.pulses();
      second.pulses();
    });
    for (let s = 0; s < 5; s++) {
      expect([first.killed, second.killed]).toEqual([false, false]);
      clock.advance(1_000);
      first.pulses();
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

  it("is ready while one worker is, and says why when none is", async () => {
    const [one, two] = await running();
    one.pulses("full");
    expect(supervisor.readiness()).toEqual({ ready: true, reason: "ok" });
    two.pulses("database");
    expect(supervisor.readiness()).toEqual({ ready: false, reason: "full" });
  });
});

describe("between workers", () => {
  it("brings a question to the call's holder, and the answer back", async () => {
    const [one, two] = await running();
    one.says({ type: "hold", callSid: CALL });
    const question = { kind: "end" } as const;
    two.says({ type: "ask", id: 7, callSid: CALL, question });
    const asked = one.last("ask");
    expect(asked).toMatchObject({ callSid: CALL, question });
    const id = asked?.type === "ask" ? asked.id : -1;
    const answer = { kind: "refusal", refusal: null } as const;
    // Only the one who was asked may answer.
    two.says({ type: "answer", id, answer: null });
    expect(two.last("answer")).toBeUndefined();
    one.says({ type: "answer", id, answer });
    expect(two.last("answer")).toEqual({ type: "answer", id: 7, answer });
  });

  it("answers for nobody at once: an unknown call, the asker's own, a dead holder's, one that does not answer", async () => {
    const [one, two] = await running();
    const question = { kind: "end" } as const;
    const none = (id: number) => ({ type: "answer", id, answer: null });
    two.says({ type: "ask", id: 1, callSid: CALL, question });
    expect(two.last("answer")).toEqual(none(1));
    two.says({ type: "hold", callSid: CALL });
    two.says({ type: "ask", id: 2, callSid: CALL, question });
    expect(two.last("answer")).toEqual(none(2));
    one.says({ type: "ask", id: 3, callSid: CALL, question });
    expect(one.last("answer")).toBeUndefined();
    clock.advance(5_000);
    expect(one.last("answer")).toEqual(none(3));
    one.says({ type: "ask", id: 4, callSid: CALL, question });
    two.dies();
    expect(one.last("answer")).toEqual(none(4));
    one.says({ type: "ask", id: 5, callSid: CALL, question });
    expect(one.last("answer")).toEqual(none(5));
  });

  it("tells the former holder that the call has moved", async () => {
    const [one, two] = await running();
    one.says({ type: "hold", callSid: CALL });
    two.says({ type: "hold", callSid: CALL });
    expect(one.last("moved")).toEqual({ type: "moved", callSid: CALL });
    expect(two.last("moved")).toBeUndefined();
    // The former holder's goodbye changes nothing.
    one.says({ type: "let_go", callSid: CALL });
    for (let s = 0; s < 700; s++) {
      clock.advance(1_000);
      one.pulses();
      two.pulses();
    }
    expect([supervisor.adminPorts(CALL)[0], supervisor.adminPorts(CALL)[0]]).toEqual([5001, 5001]);
  });

  it("forgets a call ten minutes after its end", async () => {
    const [one, two] = await running();
    one.says({ type: "hold", callSid: CALL });
    one.says({ type: "let_go", callSid: CALL });
    two.says({ type: "ask", id: 1, callSid: CALL, question: { kind: "end" } });
    expect(one.last("ask")).toBeDefined();
    clock.advance(631_000);
    two.says({ type: "ask", id: 2, callSid: CALL, question: { kind: "end" } });
    expect(two.last("answer")).toEqual({ type: "answer", id: 2, answer: null });
  });

  it("lets a key be claimed once until its time is over", async () => {
    const [one, two] = await running();
    const claim = (fake: FakeWorker, id: number) => {
      fake.says({ type: "claim", id, key: "k", ttlMs: 1_000 });
      return fake.last("claimed");
    };
    expect(claim(one, 1)).toEqual({ type: "claimed", id: 1, first: true });
    expect(claim(two, 2)).toEqual({ type: "claimed", id: 2, first: false });
    clock.advance(1_001);
    expect(claim(two, 3)).toEqual({ type: "claimed", id: 3, first: true });
  });
});

describe("the end", () => {
  it("drains: not ready at once, nobody is replaced, and over when the last has ended", async () => {
    const [one, two] = await running();
    const over = supervisor.drain();
    expect(supervisor.readiness()).toEqual({ ready: false, reason: "draining" });
    expect(one.last("drain")).toBeDefined();
    one.dies("status 0");
    clock.advance(20_000);
    expect(spawned).toHaveLength(2);
    two.dies("status 0");
    await over;
    expect(clock.pending).toBe(0);
  });

  it("lets workers end together, when the calls of all are over", async () => {
    const [one, two] = await running();
    const over = supervisor.drain();
    one.says({ type: "drained" });
    expect([one.last("stop"), two.last("stop")]).toEqual([undefined, undefined]);
    two.says({ type: "drained" });
    expect([one.last("stop"), two.last("stop")]).toEqual([{ type: "stop" }, { type: "stop" }]);
    one.dies("status 0");
    two.dies("status 0");
    await over;
  });

  it("does not wait for a worker that died while it drained", async () => {
    const [one, two] = await running();
    const over = supervisor.drain();
    one.says({ type: "drained" });
    two.dies();
    expect(one.last("stop")).toEqual({ type: "stop" });
    one.dies("status 0");
    await over;
  });

  it("ends those that do not come to an end by themselves", async () => {
    const [one] = await running();
    const over = supervisor.drain();
    for (let s = 0; s < 34; s++) {
      clock.advance(1_000);
      for (const fake of spawned) fake.pulses("draining");
    }
    expect(one.killed).toBe(false);
    clock.advance(1_000);
    expect(spawned.map(({ killed }) => killed)).toEqual([true, true]);
    for (const fake of spawned) fake.dies("SIGKILL");
    await over;
  });

  it("stops at once when told a second time", async () => {
    await running();
    const drained = supervisor.drain();
    const stopped = supervisor.stop();
    expect(spawned.every((fake) => fake.last("stop") !== undefined)).toBe(true);
    for (const fake of spawned) fake.dies("status 0");
    await Promise.all([drained, stopped]);
  });
});
