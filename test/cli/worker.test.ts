import { beforeEach, describe, expect, it } from "vitest";
import type { App } from "../../src/app/app.js";
import { reload, running, runToTheEnd, sendHeartbeats } from "../../src/cli/worker.js";
import { AgentsFileError } from "../../src/config/agents/agents-file.js";
import type { PreparedAgents } from "../../src/config/agents/agents-parts.js";
import type { AgentsFile } from "../../src/domain/agent-profile.js";
import { RelayError } from "../../src/domain/errors.js";
import type { FromWorker } from "../../src/supervisor/messages.js";
import { WorkerCommands } from "../../src/supervisor/worker-commands.js";
import { WorkerLink } from "../../src/supervisor/worker-link.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { settle } from "../fakes/sip-bench.js";
import { Told } from "../fakes/told.js";

type Command = "retire" | "drain" | "abandon" | "stop";
type Happening = Command | "orphaned" | `${Command} over`;

/** A worker whose calls end only when a test says so. */
function ending() {
  const told = new Told();
  const sent: string[] = [];
  const commands = new WorkerCommands(new WorkerLink(new FakeClock(), { send: () => {} }));
  const over: Partial<Record<Command, () => void>> = {};
  const slow = (name: Command) => () => {
    told.lines.push(name);
    return new Promise<void>((resolve) => {
      over[name] = resolve;
    });
  };
  const app = {
    retire: slow("retire"),
    drain: slow("drain"),
    abandon: slow("abandon"),
    stop: told.keep("stop", Promise.resolve()),
  };
  let orphan: () => void = () => {};
  const orphaned = new Promise<void>((resolve) => {
    orphan = resolve;
  });
  let isOver = false;
  void runToTheEnd(app, commands, orphaned, ({ type }: FromWorker) => void sent.push(type)).then(
    () => {
      isOver = true;
    },
  );
  const happen = async (...steps: readonly Happening[]) => {
    for (const step of steps) {
      if (step === "orphaned") orphan();
      else if (step.endsWith(" over")) over[step.slice(0, -5) as Command]?.();
      else commands.receive({ type: step as Command });
      await settle();
    }
    return { lines: told.lines, sent, isOver };
  };
  return { happen };
}

describe("the end of a worker", () => {
  it.each<[string, readonly Happening[], readonly string[], readonly string[], boolean]>([
    ["is at once on stop", ["stop"], ["stop"], [], true],
    ["waits for the calls on drain", ["drain"], ["drain"], [], false],
    [
      "takes callers over after a drain, tells so, and waits for the other workers",
      ["drain", "drain over", "abandon over"],
      ["drain", "abandon"],
      ["drained"],
      false,
    ],
    [
      "comes when all have drained",
      ["drain", "drain over", "abandon over", "stop"],
      ["drain", "abandon", "stop"],
      ["drained"],
      true,
    ],
    [
      "gives up waiting for calls on abandon",
      ["drain", "abandon", "abandon over"],
      ["drain", "abandon"],
      ["drained"],
      false,
    ],
    [
      "gives up everything on stop",
      ["drain", "stop"],
      ["drain", "abandon", "stop"],
      ["drained"],
      true,
    ],
    [
      "of a retired worker needs no other word",
      ["retire", "retire over", "abandon over"],
      ["retire", "abandon", "stop"],
      [],
      true,
    ],
    [
      "of a worker whose supervisor is gone is in order, too",
      ["orphaned", "retire over", "abandon over"],
      ["retire", "abandon", "stop"],
      [],
      true,
    ],
    [
      "does not wait for a supervisor that went after the drain",
      ["drain", "drain over", "abandon over", "orphaned"],
      ["drain", "abandon", "stop"],
      ["drained"],
      true,
    ],
  ])("%s", async (_, steps, lines, sent, isOver) => {
    expect(await ending().happen(...steps)).toEqual({ lines, sent, isOver });
  });
});

describe("heartbeats", () => {
  it("come every second, each fifth with what the process uses, until they are ended", async () => {
    const clock = new FakeClock();
    const asked: boolean[] = [];
    const sent: FromWorker[] = [];
    const pulse: App["pulse"] = async (withProcess) => {
      asked.push(withProcess);
      return { readiness: { ready: true, reason: "ok" }, calls: 2, metrics: {} as never };
    };
    const stop = await sendHeartbeats({ pulse }, (message) => void sent.push(message), clock);
    for (let i = 0; i < 6; i++) {
      clock.advance(1_000);
      await settle();
    }
    expect(asked).toEqual([true, false, false, false, false, true, false]);
    expect(sent[6]).toMatchObject({ type: "heartbeat", calls: 2 });
    stop();
    clock.advance(5_000);
    await settle();
    expect(sent).toHaveLength(8);
  });
});

describe("a reload", () => {
  const agents: PreparedAgents = { file: {} as AgentsFile, checks: new Map([["{}", "code"]]) };
  const FAULT = { path: "agents.a", line: 3, column: 5, problem: "is unknown" };
  const fault = new RelayError("config_invalid", "tool t: cannot be loaded");

  it.each([
    ["puts a good file in force", async () => {}, [], null],
    [
      "logs a file whose tools cannot be built",
      () => Promise.reject(fault),
      [/reload refused.*cannot be loaded/],
      [{ path: "", line: 1, column: 1, problem: "tool t: cannot be loaded" }],
    ],
    [
      "keeps to the log what only developers understand",
      () => Promise.reject(new TypeError("x of undefined")),
      [/reload refused/],
      [{ path: "", line: 1, column: 1, problem: "cannot be put in force: the log says why" }],
    ],
    [
      "names each fault of a file that has some",
      () => Promise.reject(new AgentsFileError("agents.yaml", [FAULT])),
      [/reload refused/],
      [FAULT],
    ],
  ])("%s, and reports it", async (_, replace, lines, faults) => {
    const log = new FakeLog();
    const asked: unknown[] = [];
    const app = {
      reload: (...given: unknown[]) => {
        asked.push(...given);
        return replace();
      },
    };
    expect(await reload(app, agents, log)).toEqual(faults);
    expect(asked).toEqual([agents.file, agents.checks, null]);
    expect(log.lines).toEqual(lines.map((line) => expect.stringMatching(line)));
  });
});

describe("agents that the supervisor sends", () => {
  const agents: PreparedAgents = { file: {} as AgentsFile, checks: new Map() };
  let done: string[];
  /** Each ends a reload; in the order in which they began. */
  let ends: ((isGood: boolean) => void)[];
  let run: ReturnType<typeof running>;
  beforeEach(() => {
    done = [];
    ends = [];
    const app = {
      reload: () =>
        new Promise<void>((resolve, reject) => {
          ends.push((isGood) => (isGood ? resolve() : reject(new Error("a tool of it"))));
        }),
      takeBackReload: () => void done.push("taken back"),
      refuseCalls: () => void done.push("calls refused"),
      pulse: async (withProcess: boolean) => ({
        readiness: { ready: true, reason: "ok" },
        calls: withProcess ? -1 : 4,
        metrics: { families: {}, process: null },
      }),
    };
    run = running(app, new FakeLog(), (message) => {
      if (message.type === "heartbeat") done.push(`heartbeat ${message.asked} ${message.calls}`);
      if (message.type === "reloaded") done.push(`${message.reload} ${message.faults === null}`);
    });
  });

  async function end(isGood: boolean): Promise<void> {
    ends.shift()?.(isGood);
    await settle();
  }

  it("are put in force one file after the other", async () => {
    run({ type: "agents", reload: 1, agents });
    run({ type: "agents", reload: 2, agents });
    run({ type: "refuse_calls" });
    await settle();
    expect([ends.length, done]).toEqual([1, ["calls refused"]]);
    await end(true);
    await end(false);
    expect(done.slice(1)).toEqual(["1 true", "2 false"]);
  });

  it("do not hold up a heartbeat that is asked for", async () => {
    run({ type: "agents", reload: 1, agents });
    run({ type: "heartbeat_now", asked: 7 });
    await settle();
    expect(done).toEqual(["heartbeat 7 4"]);
  });

  it("are taken back once they are in force", async () => {
    run({ type: "agents", reload: 1, agents });
    run({ type: "take_back", reload: 1 });
    await settle();
    expect(done).toEqual([]);
    await end(true);
    expect(done).toEqual(["1 true", "taken back"]);
  });

  it("are not taken back where they were refused, or others are in force since", async () => {
    run({ type: "agents", reload: 1, agents });
    await settle();
    await end(true);
    run({ type: "agents", reload: 2, agents });
    run({ type: "take_back", reload: 2 });
    await settle();
    await end(false);
    run({ type: "take_back", reload: 0 });
    await settle();
    expect(done).toEqual(["1 true", "2 false"]);
  });
});
