import { Command } from "commander";
import { expect, it } from "vitest";
import { commandsPage } from "../../src/cli/commands-page.js";

it("lists each command that does something, with its arguments and options, in their order", () => {
  const program = new Command("tool").description("A tool.");
  const group = program.command("calls").description("about calls");
  group.command("show <sid>").description("shows one call").option("--json", "as JSON");
  program.command("stop").description("stops it");
  const page = commandsPage(program);
  const sections = [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
  expect(sections).toEqual(["tool calls show", "tool stop"]);
  expect(page).toContain("--json");
  expect(page).toContain("as JSON");
  expect(page.indexOf("tool calls show")).toBeLessThan(page.indexOf("tool stop"));
});
