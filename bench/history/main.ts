/**
 * Searches among many ended calls through the operator API of a relay, and measures each search and
 * how long it keeps the relay's event loop, which carries the calls' audio, from its other work: the
 * most CPU time of that thread between two turns of the loop. Then it opens pages of ended calls in
 * Chromium, and measures when their first calls are drawn.
 *
 *   node --import tsx bench/history/main.ts --calls 100000 --database sqlite
 *   node --import tsx bench/history/main.ts --calls 100000 --database postgres
 *
 * `--keep FILE` keeps an SQLite database for further runs; `--url postgres://…` uses a server of
 * one's own instead of a new one; `--only TEXT` measures the searches whose address has this text.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findPostgres, startPostgres } from "../../test/fakes/postgres.js";
import { fillDatabase } from "./database.js";
import { drawTimes } from "./first-page.js";
import { searches } from "./searches.js";
import { startServer } from "./server-process.js";

const { values } = parseArgs({
  options: {
    calls: { type: "string", default: "100000" },
    database: { type: "string", default: "sqlite" },
    seed: { type: "string", default: "1" },
    rounds: { type: "string", default: "7" },
    only: { type: "string", default: "" },
    /** Only the pages, not each search. */
    pages: { type: "boolean", default: false },
    keep: { type: "string" },
    url: { type: "string" },
  },
});

const LIMIT_MS = 200;
const BLOCK_LIMIT_MS = 5;
const DRAWN_LIMIT_MS = 1_000;
const OVER = "  ← over the limit";

const calls = Number(values.calls);
if (!Number.isInteger(calls) || calls < 1 || calls > 1_000_000)
  throw new Error("--calls is a number from 1 to 1000000");
const home = mkdtempSync(join(tmpdir(), "murelay-history-"));
const { url, remove } = await database();
try {
  const beganMs = performance.now();
  await fillDatabase(url, calls, Number(values.seed), (text) => console.error(text));
  console.error(`filled in ${((performance.now() - beganMs) / 1_000).toFixed(0)} s`);
  process.exitCode = await measure();
} finally {
  await remove();
  rmSync(home, { recursive: true, force: true });
}

async function database(): Promise<{ url: string; remove: () => Promise<void> }> {
  const nothing = async (): Promise<void> => undefined;
  if (values.url !== undefined) return { url: values.url, remove: nothing };
  if (values.database === "sqlite") {
    const file = values.keep === undefined ? join(home, "history.db") : resolve(values.keep);
    return { url: `sqlite:${file}`, remove: nothing };
  }
  if (values.database !== "postgres") throw new Error("--database is sqlite or postgres");
  const found = findPostgres();
  if ("missing" in found) throw new Error(found.missing);
  const server = await startPostgres(found.bin);
  return { url: server.url, remove: async () => await server.remove() };
}

/** Other programs on the machine make single values longer. */
function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** @returns the exit status. */
async function measure(): Promise<number> {
  const server = await startServer(url, home);
  let faults = 0;
  let slowPages = 0;
  try {
    console.log(`${calls} calls, ${values.database}`);
    const asked = values.pages ? [] : searches(calls);
    if (!values.pages) console.log("median ms  worst ms   loop ms answer kB  search");
    for (const path of asked.filter((one) => one.includes(values.only))) {
      const times: number[] = [];
      const blocks: number[] = [];
      let bytes = 0;
      for (let round = 0; round < Number(values.rounds); round++) {
        await server.reset();
        const askedMs = performance.now();
        const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
        bytes = (await answer.arrayBuffer()).byteLength;
        if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
        times.push(performance.now() - askedMs);
        blocks.push(await server.longestBlockMs());
      }
      const [median, blocked] = [medianOf(times), medianOf(blocks)];
      const isFault = median > LIMIT_MS || blocked > BLOCK_LIMIT_MS;
      if (isFault) faults += 1;
      const cells = [median, Math.max(...times), blocked].map((ms) => ms.toFixed(1).padStart(9));
      const size = (bytes / 1_000).toFixed(0).padStart(9);
      console.log(`${cells.join(" ")} ${size}  ${path}${isFault ? OVER : ""}`);
    }
    console.log("median ms  worst ms  first calls drawn");
    for (const { page, times } of (await drawTimes(server.port, Number(values.rounds))) ?? []) {
      const median = medianOf(times);
      if (median > DRAWN_LIMIT_MS) slowPages += 1;
      const cells = [median, Math.max(...times)].map((ms) => ms.toFixed(1).padStart(9));
      console.log(`${cells.join(" ")}  #${page}${median > DRAWN_LIMIT_MS ? OVER : ""}`);
    }
  } finally {
    await server.stop();
  }
  console.log(
    `${faults} searches over ${LIMIT_MS} ms (median) or ${BLOCK_LIMIT_MS} ms of the loop; ` +
      `${slowPages} pages over ${DRAWN_LIMIT_MS} ms (median)`,
  );
  return faults + slowPages === 0 ? 0 : 1;
}
