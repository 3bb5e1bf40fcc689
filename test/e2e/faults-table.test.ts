import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { callWithFault, type FaultCell, type FaultPath } from "../fakes/fault-call.js";
import { FAULT_ROWS, type FaultRow } from "../fakes/fault-rows.js";

const FILE = "docs/faults.md";
const BEGIN = "<!-- table: made by test/e2e/faults-table.test.ts -->";
const PATHS: readonly FaultPath[] = ["media-stream", "sip"];
/** Contract, O1. */
const MOST_SILENCE_S = 8;
/** Calls at once: most of their time they wait. */
const AT_ONCE = 16;
/** Half a minute and more: these begin first, so that none is left over at the end. */
const LONGEST = /each time|stalls|no cancel|no answer|nothing happens/;

interface Case {
  readonly row: FaultRow;
  readonly path: FaultPath;
}

const CASES: readonly Case[] = FAULT_ROWS.flatMap((row) =>
  PATHS.filter((path) => row.only === undefined || row.only === path).map((path) => ({
    row,
    path,
  })),
);
const cells = new Map<string, FaultCell>();
const keyOf = ({ row, path }: Case): string => `${row.what} (${path})`;

beforeAll(async () => {
  const isLong = ({ row }: Case): number => Number(LONGEST.test(row.what));
  const waiting = [...CASES].reverse().sort((a, b) => isLong(b) - isLong(a));
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      cells.set(keyOf(next), await callWithFault(next.row, next.path));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (process.env["UPDATE_FAULTS"] !== undefined) write();
}, 180_000);

const cellText = ({ hears, silenceMs }: FaultCell): string =>
  `${hears} · ${Math.max(1, Math.ceil(silenceMs / 1000))} s`;

function tableOf(group: FaultRow["group"]): string {
  const rows = FAULT_ROWS.filter((row) => row.group === group).map((row) => {
    const texts = PATHS.map((path) => {
      const cell = cells.get(keyOf({ row, path }));
      return cell === undefined ? "–" : cellText(cell);
    });
    return `| ${row.what} | ${texts.join(" | ")} |`;
  });
  const head = "| what happens | Media Streams | SIP |\n|---|---|---|";
  return `${head}\n${rows.join("\n")}\n`;
}

function write(): void {
  const text = readFileSync(FILE, "utf8");
  const tables = `### The model\n\n${tableOf("model")}\n### Twilio\n\n${tableOf("twilio")}`;
  writeFileSync(FILE, `${text.slice(0, text.indexOf(BEGIN))}${BEGIN}\n\n${tables}`);
}

/** What the page says of a case. */
function documented({ row, path }: Case): { readonly hears: string; readonly seconds: number } {
  const line = readFileSync(FILE, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`| ${row.what} |`));
  const cell = line?.split(" | ")[PATHS.indexOf(path) + 1]?.replace(/ \|$/, "") ?? "";
  const [hears = "", seconds = ""] = cell.split(" · ");
  return { hears, seconds: Number.parseInt(seconds, 10) };
}

/** Whether a tone falls due just before the outcome is the machine's business, not the promise. */
const withoutTone = (hears: string): string => hears.replace("a waiting tone, then ", "");

describe("docs/faults.md", () => {
  it.each(CASES.map((one) => [keyOf(one), one] as const))("is true of: %s", (key, one) => {
    const cell = cells.get(key)!;
    const page = documented(one);
    expect(withoutTone(cell.hears)).toBe(withoutTone(page.hears));
    expect(page.seconds).toBeLessThanOrEqual(MOST_SILENCE_S);
    expect(cell.silenceMs / 1000).toBeLessThanOrEqual(MOST_SILENCE_S);
  });

  it("names no row that is not tested", () => {
    const named = readFileSync(FILE, "utf8")
      .split("\n")
      .flatMap((line) => /^\| (?!what happens)([^|]+) \|.*·/.exec(line)?.[1] ?? []);
    expect(named).toEqual(FAULT_ROWS.map(({ what }) => what));
  });
});
