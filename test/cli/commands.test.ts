import { Command } from "commander";
import { beforeAll, describe, expect, it } from "vitest";
import { declareCommands } from "../../src/cli/commands.js";
import { FakeIo } from "../fakes/fake-io.js";

/** Every command by its whole name, those that hold others included. */
function commandsOf(parent: Command, prefix = ""): [string, Command][] {
  return parent.commands.flatMap((command) => {
    const name = `${prefix}${command.name()}`;
    return [[name, command], ...commandsOf(command, `${name} `)] as [string, Command][];
  });
}

describe("the commands", () => {
  let program: Command;
  let io: FakeIo;
  const statuses: number[] = [];
  beforeAll(() => {
    io = new FakeIo();
    program = new Command().exitOverride();
    declareCommands(program, { io, args: [], ended: (status) => void statuses.push(status) });
  });

  it("each say what they do and what their options mean", () => {
    const all = commandsOf(program).filter(([name]) => name !== "worker");
    expect(all.length).toBeGreaterThan(20);
    for (const [name, command] of all) {
      expect([name, command.description()]).toEqual([name, expect.stringMatching(/\S/)]);
      for (const { flags, description } of command.options)
        expect([name, flags, description]).toEqual([name, flags, expect.stringMatching(/\S/)]);
    }
  });

  it("have --json where there is something to read", () => {
    const names = commandsOf(program)
      .filter(([, command]) => command.options.some(({ long }) => long === "--json"))
      .map(([name]) => name);
    for (const name of ["doctor", "calls list", "calls show", "number set", "replay", "capacity"])
      expect(names).toContain(name);
  });

  it("do not show the one that only serve runs", () => {
    expect(program.helpInformation()).not.toMatch(/^\s+worker/m);
    expect(program.commands.map((command) => command.name())).toContain("worker");
  });

  it("run their module with arguments and options, and tell its exit status", async () => {
    await program.parseAsync(["config", "schema"], { from: "user" });
    expect([statuses, JSON.parse(io.text).type]).toEqual([[0], "object"]);
    await program.parseAsync(["call", "5551112222", "--agent", "a"], { from: "user" });
    expect(statuses).toEqual([0, 2]);
    expect(io.errors).toEqual([expect.stringContaining("the number to call")]);
  });
});
