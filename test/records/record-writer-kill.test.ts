import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, it } from "vitest";
import { openStore } from "../../src/adapters/store/open-store.js";
import type { CallRecord } from "../../src/domain/call-record.js";
import { findPostgres, type PrivatePostgres, startPostgres } from "../fakes/postgres.js";
import { storedRecords } from "../fakes/stored-records.js";

const WRITER = fileURLToPath(new URL("../fakes/record-writing.ts", import.meta.url));
/** Calls that end before each kill, at least. With the last round about 2,000 in all. */
const CALLS_PER_ROUND = 700;

interface Database {
  readonly url: string;
  away(): Promise<void>;
  back(): Promise<void>;
}

const children: ChildProcess[] = [];
const homes: string[] = [];
let server: PrivatePostgres | null = null;
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await server?.remove();
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), "murelay-kill-"));
  homes.push(home);
  return home;
}

function startWriter(url: string, spool: string, first: number, count: number) {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", WRITER, url, spool, String(first), String(count)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  children.push(child);
  const ended: number[] = [];
  let done = false;
  const lines = createInterface({ input: child.stdout });
  const until = (isTrue: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (isTrue()) resolve();
      };
      lines.on("line", look);
      const over = () => (isTrue() ? resolve() : reject(new Error("the writer ended early")));
      child.once("exit", over);
      if (child.exitCode === null) look();
      else over();
    });
  lines.on("line", (line) => {
    if (line === "done") done = true;
    else ended.push(Number(line.slice("ended ".length)));
  });
  return {
    ended,
    untilEnded: async (wanted: number) => await until(() => ended.length >= wanted),
    untilDone: async () => await until(() => done),
    kill: async () => {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}

async function everything(url: string): Promise<readonly CallRecord[]> {
  const store = await openStore(url, () => {});
  const records = await storedRecords(store, {}, 500);
  await store.close();
  return records;
}

const postgres = findPostgres();
if ("missing" in postgres)
  console.log(`The kill test does not run on PostgreSQL: ${postgres.missing}`);

describe.concurrent.each(["sqlite", "postgres"] as const)(
  "a relay that is killed, on %s",
  (kind) => {
    it.skipIf(kind === "postgres" && "missing" in postgres)(
      "loses no ended call and no turn, while the database comes and goes",
      { timeout: 120_000 },
      async ({ expect }) => {
        const home = newHome();
        const database = await newDatabase(kind, home);
        const spool = join(home, "spool");

        const one = startWriter(database.url, spool, 0, 100_000);
        await one.untilEnded(CALLS_PER_ROUND / 2);
        await database.away();
        await one.untilEnded(CALLS_PER_ROUND);
        await one.kill();

        // The second one starts while the database is away, and dies before it has taken everything
        // over.
        const two = startWriter(database.url, spool, 200_000, 100_000);
        await two.untilEnded(CALLS_PER_ROUND / 2);
        await database.back();
        await two.untilEnded(CALLS_PER_ROUND);
        await two.kill();

        const three = startWriter(database.url, spool, 400_000, CALLS_PER_ROUND);
        await three.untilDone();

        const stored = await everything(database.url);
        const records = new Map(stored.map((record) => [record.callSid as string, record]));
        expect(records.size).toBe(stored.length);
        const sidOf = (n: number) => `CA${String(n).padStart(32, "0")}`;
        const ended = [...one.ended, ...two.ended, ...three.ended];
        expect(ended.length).toBeGreaterThanOrEqual(3 * CALLS_PER_ROUND);
        const wrong = ended.filter((n) => {
          const record = records.get(sidOf(n));
          const texts = record?.turns.map((turn) => turn.heardText).join(" ");
          return (
            record?.outcome !== "completed" ||
            texts !== [0, 1, 2].map((k) => `Turn ${k} of call ${n}.`).join(" ")
          );
        });
        expect(wrong).toEqual([]);
        // No call is left open; those that the kills cut are failed, with the turn that they had
        // told.
        const rest = [...records.values()].filter((record) => record.outcome !== "completed");
        expect(rest.length).toBeGreaterThan(0);
        expect(rest.map((record) => [record.state, record.outcome, record.endReason])).toEqual(
          rest.map(() => ["ended", "failed", "process_lost"]),
        );
        expect(rest.every((record) => record.turns.length >= 1)).toBe(true);
      },
    );
  },
);

async function newDatabase(kind: "sqlite" | "postgres", home: string): Promise<Database> {
  if (kind === "sqlite" || "missing" in postgres) {
    // A file is never away.
    return {
      url: `sqlite:${join(home, "murelay.db")}`,
      away: async () => {},
      back: async () => {},
    };
  }
  server = await startPostgres(postgres.bin);
  return { url: server.url, away: server.stop, back: server.start };
}
