import { beforeEach, describe, expect, it } from "vitest";
import type { ToWorker } from "../../src/supervisor/messages.js";
import { WorkerCommands } from "../../src/supervisor/worker-commands.js";
import type { WorkerLink } from "../../src/supervisor/worker-link.js";

let passedOn: ToWorker[];
let carriedOut: string[];
let commands: WorkerCommands;
beforeEach(() => {
  passedOn = [];
  carriedOut = [];
  const link = { receive: (message: ToWorker) => passedOn.push(message) } as unknown as WorkerLink;
  commands = new WorkerCommands(link);
});

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

  it("carries out each command that does not end the worker, and those that came too early once", () => {
    for (const type of ["reload", "refuse_calls", "reload"] as const) commands.receive({ type });
    commands.carryOut((command) => carriedOut.push(command));
    expect(carriedOut.splice(0)).toEqual(["reload", "refuse_calls"]);
    for (const type of ["reload", "reload", "refuse_calls"] as const) commands.receive({ type });
    expect(carriedOut).toEqual(["reload", "reload", "refuse_calls"]);
  });

  it("passes cluster messages on", () => {
    const message = { type: "claimed_once", id: 1, first: true } as const;
    commands.receive(message);
    expect(passedOn).toEqual([message]);
  });
});
