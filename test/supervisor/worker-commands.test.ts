import { beforeEach, describe, expect, it } from "vitest";
import { type PreparedAgents, partsOf } from "../../src/config/agents/agents-parts.js";
import type { ToWorker } from "../../src/supervisor/messages.js";
import { type RunningCommand, WorkerCommands } from "../../src/supervisor/worker-commands.js";
import type { WorkerLink } from "../../src/supervisor/worker-link.js";
import { agent } from "../fakes/call-bench.js";

let passedOn: ToWorker[];
let carriedOut: string[];
let reloads: number[];
let commands: WorkerCommands;
beforeEach(() => {
  passedOn = [];
  carriedOut = [];
  reloads = [];
  const link = { receive: (message: ToWorker) => passedOn.push(message) } as unknown as WorkerLink;
  commands = new WorkerCommands(link);
});

const agentsOf = (name: string): PreparedAgents => ({
  file: { agents: new Map([[name, agent({ name })]]), numbers: new Map(), defaultAgent: name },
  checks: new Map(),
});

function receiveAgents(name: string): void {
  for (const part of partsOf(agentsOf(name))) commands.receive({ type: "agents", reload: 2, part });
}

const carryOut = (command: RunningCommand): void => {
  if (command.type === "agents") reloads.push(command.reload);
  carriedOut.push(
    command.type === "agents" ? [...command.agents.file.agents.keys()].join() : command.type,
  );
};

/** Which of the promises have resolved. */
async function resolved(): Promise<string[]> {
  const names: string[] = [];
  void commands.end.then((how) => names.push(`end: ${how}`));
  void commands.abandon.then(() => names.push("abandon"));
  void commands.stop.then(() => names.push("stop"));
  await new Promise((resolve) => setImmediate(resolve));
  return names.sort();
}

describe("WorkerCommands", () => {
  it.each<[ToWorker["type"][], string[]]>([
    [[], []],
    [["drain"], ["end: drain"]],
    [["retire"], ["end: retire"]],
    [["abandon"], ["abandon", "end: abandon"]],
    [["stop"], ["abandon", "end: stop", "stop"]],
    [
      ["drain", "abandon"],
      ["abandon", "end: drain"],
    ],
    [
      ["retire", "drain", "stop"],
      ["abandon", "end: retire", "stop"],
    ],
  ])(
    "ends as the first command says, and earlier if a later one says so: %j",
    async (types, want) => {
      for (const type of types) commands.receive({ type } as ToWorker);
      expect(await resolved()).toEqual(want);
    },
  );

  it("keeps a command that arrives before the worker waits for it", async () => {
    commands.receive({ type: "begin", worker: 3, publicPort: 8080 });
    expect(await commands.begin).toMatchObject({ worker: 3 });
  });

  it("has the first agents for the start", async () => {
    commands.carryOut(carryOut);
    receiveAgents("first");
    expect([...(await commands.agents).file.agents.keys()]).toEqual(["first"]);
    expect(carriedOut).toEqual([]);
  });

  it("carries out each command that does not end the worker, and those that came too early once", () => {
    receiveAgents("first");
    receiveAgents("old");
    commands.receive({ type: "refuse_calls" });
    receiveAgents("new");
    commands.carryOut(carryOut);
    expect(carriedOut.splice(0)).toEqual(["new", "refuse_calls"]);
    expect(reloads).toEqual([2]);
    receiveAgents("newer");
    commands.receive({ type: "refuse_calls" });
    commands.receive({ type: "take_back", reload: 2 });
    commands.receive({ type: "heartbeat_now", asked: 1 });
    expect(carriedOut).toEqual(["newer", "refuse_calls", "take_back", "heartbeat_now"]);
    expect(passedOn).toEqual([]);
  });

  it("puts no agents in force of which it has the last parts only", () => {
    receiveAgents("first");
    commands.carryOut(carryOut);
    for (const part of partsOf(agentsOf("a")).slice(1))
      commands.receive({ type: "agents", reload: 2, part });
    expect(carriedOut).toEqual([]);
    receiveAgents("b");
    expect(carriedOut).toEqual(["b"]);
  });

  it("passes cluster messages on", () => {
    const message = { type: "claimed_once", id: 1, first: true } as const;
    commands.receive(message);
    expect(passedOn).toEqual([message]);
  });
});
