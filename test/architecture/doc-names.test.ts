/** Commands, options, settings, metrics, scripts and files that the documentation names exist. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { HELP } from "../../bench/load/options.js";
import { createProgram } from "../../src/cli/program.js";
import { settingEntries } from "../../src/config/load.js";
import { METRIC_PREFIX } from "../../src/domain/metric-definition.js";
import { METRICS } from "../../src/domain/metric-table.js";

const PAGES = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...["docs", "changes", "examples"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      // A decision names what there was when it was made.
      .filter((path) => path.endsWith(".md") && !path.startsWith("decisions"))
      .map((path) => join(folder, path)),
  ),
];

/** The texts between backticks, and the lines of code blocks. */
function codeOf(text: string): readonly string[] {
  const fence = /^ *```[^\n]*\n([\s\S]*?)^ *```/gm;
  const blocks = [...text.matchAll(fence)].flatMap(([, block = ""]) =>
    block.replaceAll("\\\n", " ").split("\n"),
  );
  const spans = [...text.replace(fence, "").matchAll(/`([^`]+)`/g)];
  return [...blocks, ...spans.map(([, span = ""]) => span.replace(/\s+/g, " "))];
}

const ignore = () => undefined;
const PROGRAM = createProgram({ out: ignore, err: ignore, env: {}, onSignal: ignore }, [], ignore);
const COMMAND_LINE =
  /(?:^|[\s(])(?<!-u )(?:murelay|dist\/cli\.js) ((?:[a-z]{3,}|--[a-z])[^|&;#)]*)/g;

function wrongCommands(code: string): readonly string[] {
  return [...code.matchAll(COMMAND_LINE)].flatMap(([, line = ""]) => {
    const words = line.trim().split(/\s+/);
    let command: Command = PROGRAM;
    for (const word of [...words]) {
      const next = command.commands.find((one) => one.name() === word);
      if (next === undefined) break;
      command = next;
      words.shift();
    }
    const isKnown = command !== PROGRAM || words[0]?.startsWith("--") === true;
    const wrong = words
      .flatMap((word) => /^\[?(--?[a-z][\w-]*)/.exec(word)?.[1] ?? [])
      .filter((option) => !optionsOf(command).has(option));
    return [
      ...(isKnown ? [] : [`murelay ${words[0]}`]),
      ...wrong.map((option) => `${command.name()} ${option}`),
    ];
  });
}

function optionsOf(command: Command): ReadonlySet<string | undefined> {
  const declared = [...command.options, ...PROGRAM.options];
  // The harness reads its options itself.
  const ofHarness = command.name() === "bench" ? (HELP.match(/--[a-z-]+/g) ?? []) : [];
  return new Set([
    ...["--help", "-h", ...ofHarness],
    ...declared.flatMap(({ long, short }) => [long, short]),
  ]);
}

/** With the endings that Prometheus adds. */
const METRIC_NAMES = new Set(
  Object.values(METRICS).flatMap(({ name }) =>
    ["", "_bucket", "_sum", "_count"].map((end) => `${METRIC_PREFIX}${name}${end}`),
  ),
);

function wrongMetrics(code: string): readonly string[] {
  const names = code.match(/\bmurelay_[a-z0-9_]+/g) ?? [];
  // The console's cookie.
  return names.filter((name) => !METRIC_NAMES.has(name) && name !== "murelay_session");
}

const SETTING_NAMES = new Set([
  ...settingEntries().flatMap(([, { name, secret }]) => (secret ? [name, `${name}_FILE`] : [name])),
  // Of Node and of terminals, of a test, of an agents file that a page shows.
  ...["NODE_EXTRA_CA_CERTS", "NODE_OPTIONS", "NO_COLOR", "UPDATE_FAULTS"],
  ...["SHOP_TOKEN", "SHOP_TOKEN_FILE", "ORDERS_TOKEN", "HTTP_1"],
]);

function wrongSettings(code: string): readonly string[] {
  const names = code.match(/(?<![\w-])[A-Z][A-Z0-9]+_[A-Z0-9_]+(?!\w)/g) ?? [];
  return names.filter((name) => !SETTING_NAMES.has(name));
}

const SCRIPTS: Record<string, unknown> = JSON.parse(readFileSync("package.json", "utf8")).scripts;

function wrongScripts(code: string): readonly string[] {
  const names = [...code.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name = ""]) => name);
  return names.filter((name) => SCRIPTS[name] === undefined);
}

const OF_REPOSITORY =
  /^(?:src|test|deploy|docs|sim|demo|bench|console|scripts|examples|dev)\/[\w./-]+\.\w+$/;

function wrongFiles(code: string): readonly string[] {
  return OF_REPOSITORY.test(code) && !existsSync(code) ? [code] : [];
}

function wrongNames(text: string): readonly string[] {
  const checks = [wrongCommands, wrongMetrics, wrongSettings, wrongScripts, wrongFiles];
  return codeOf(text).flatMap((code) => checks.flatMap((check) => check(code)));
}

describe("names in the documentation", () => {
  it.each(PAGES)("exist: %s", (page) => {
    expect(wrongNames(readFileSync(page, "utf8"))).toEqual([]);
  });

  it.each([
    ["`npx murelay cals list`", "murelay cals"],
    ["```sh\nmurelay calls list \\\n  --newest\n```", "list --newest"],
    ["`murelay_calls`", "murelay_calls"],
    ["`MAX_CALL`", "MAX_CALL"],
    ["`npm run tests`", "tests"],
    ["`src/nothing.ts`", "src/nothing.ts"],
  ])("would not pass with %s", (text, wrong) => expect(wrongNames(text)).toEqual([wrong]));
});
