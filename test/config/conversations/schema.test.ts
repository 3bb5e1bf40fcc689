import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { projectFiles } from "../../../src/cli/init-files.js";
import { conversationsSchema } from "../../../src/config/conversations/schema.js";
import { schemaFaults } from "../../fakes/shipped-schemas.js";

const EXAMPLES = readdirSync("examples", { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => join("examples", name));
const filesOf = (example: string) =>
  (readdirSync(example, { recursive: true, encoding: "utf8" }) as string[])
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => join(example, name));
const FILES = EXAMPLES.flatMap(filesOf);

/** The file that the header comment names for editors, from the folder of a project. */
function schemaOf(file: string, text: string, project: string): string {
  const path = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text.split("\n")[0] ?? "")?.[1];
  if (path === undefined) throw new Error(`${file} begins with no yaml-language-server comment`);
  return resolve(dirname(file), path).replace(`${resolve(project)}/`, "");
}

function expected(file: string): "agents" | "conversations" {
  return file.includes("conversations/") ? "conversations" : "agents";
}

describe("conversations.schema.json", () => {
  it.each(FILES)("with that of agents: %s names its own, and fits", (file) => {
    const text = readFileSync(file, "utf8");
    const project = EXAMPLES.find((one) => file.startsWith(`${one}/`)) ?? "";
    const name = expected(file);
    // The project is copied out of the package, beside a node_modules of its own.
    expect(schemaOf(file, text, project)).toBe(`node_modules/murelay/${name}.schema.json`);
    expect(schemaFaults(name, parse(text))).toBe("");
  });

  it("fits what init writes, which names it", () => {
    const answers = {
      business: "A",
      language: "en",
      timeZone: "UTC",
      human: "+1",
      publicUrl: null,
    };
    const files = projectFiles(answers).filter(({ path }) => path.endsWith(".yaml"));
    expect(files).toHaveLength(2);
    for (const { path, text } of files) {
      const name = expected(path);
      expect(schemaOf(path, text, ".")).toBe(`node_modules/murelay/${name}.schema.json`);
      expect(schemaFaults(name, parse(text))).toBe("");
    }
  });

  it.each([
    ["conversations: []", "must NOT have fewer than 1 items"],
    ["conversations: [{name: a, turns: [{caler: x}]}]", "must NOT have additional properties"],
    ["conversations: [{name: a, turns: [{press: 0}]}]", "must be string"],
    ["conversations: [{name: a, turns: [{hang_up: false}]}]", "must be equal to constant"],
    ["conversations: [{turns: [{caller: x}]}]", "must have required property 'name'"],
  ])("refuses what the command refuses: %s", (text, fault) => {
    expect(conversationsSchema.safeParse(parse(text)).success).toBe(false);
    expect(schemaFaults("conversations", parse(text))).toContain(fault);
  });

  it("describes every key, for the completion of editors", () => {
    const text = readFileSync("conversations.schema.json", "utf8");
    const undescribed: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      const properties = Object.entries(Object(Reflect.get(node, "properties")));
      for (const [key, value] of properties)
        if (!("description" in Object(value))) undescribed.push(`${path}.${key}`);
      for (const [key, value] of Object.entries(node)) walk(value, `${path}.${key}`);
    };
    walk(JSON.parse(text), "");
    expect(undescribed).toEqual([]);
  });
});
