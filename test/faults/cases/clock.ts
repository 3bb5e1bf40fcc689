import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Leg } from "../../../sim/twilio/leg.js";
import type { FaultCase } from "../fault-case.js";
import { openPhone, type RawPhone } from "../raw-phone.js";
import type { World } from "../world.js";

const STEADY_CALLS = 4;
/** How far the machine's clock is off, one after the other; the last one is the truth. */
const STEPS_S = [3_600, -3_600, 86_400, -86_400, 0];
/** What the relay's processes see of a step. */
const SEEN_MS = 50;
const ANSWER_MS = 10_000;
/** Of a case's calls: longer than each is, shorter than any step. */
const MOST_CALL_MS = 60_000;

/** Read by libfaketime whenever a process asks for the time of day. */
let offsetFile = "";

export const CLOCK_CASES: readonly FaultCase[] = [
  {
    name: "clock-steps",
    group: "process",
    what: "the machine's clock is set by an hour and by a day, forth and back, while callers come, talk and are transferred",
    holds:
      "every call goes on; callers are answered and reach a person; no record is longer than its call",
    own: { calls: STEADY_CALLS, prepare: fakedClock },
    run: async (world) => {
      const long = await world.talk();
      const ended: string[] = [];
      for (const step of STEPS_S) {
        // Their webhook has been answered, or they talk, when the clock is set.
        const talking = await world.talk();
        const transferred = await world.talk();
        transferred.press("0");
        await transferred.events.until("dial_bridged", {}, 20_000);
        const arriving = await openPhone(world, () => setClock(step));
        await answered(arriving);
        arriving.socket.close();
        assert(!long.over && !talking.over, `a call ended at ${step} s`);
        for (const call of [talking, transferred]) {
          call.hangUp();
          await call.ended;
          ended.push(call.sid);
        }
        await world.answersNewCaller();
        assert((await world.operator("/ready")).ok, `not ready at ${step} s`);
      }
      await keyReachesPerson(long);
      for (const sid of [...ended, long.sid]) await checkRecord(world, sid);
    },
  },
];

/** The caller hears the agent. */
async function answered({ socket }: RawPhone): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("a caller heard nothing")), ANSWER_MS);
    socket.on("message", (data: Buffer) => {
      if (!data.includes('"media"')) return;
      clearTimeout(late);
      resolve();
    });
    socket.once("close", (code) => reject(new Error(`a caller's stream was refused: ${code}`)));
  });
}

async function keyReachesPerson(call: Leg): Promise<void> {
  call.press("0");
  await call.events.until("dial_bridged", {}, 20_000);
  call.hangUp();
  await call.ended;
}

interface Recorded {
  readonly startedAt: string;
  readonly endedAt: string;
}

async function checkRecord(world: World, callSid: string): Promise<void> {
  const { startedAt, endedAt } = (await world.record(callSid)) as unknown as Recorded;
  const ms = Date.parse(endedAt) - Date.parse(startedAt);
  assert(ms >= 0 && ms < MOST_CALL_MS, `a record from ${startedAt} to ${endedAt}`);
}

async function setClock(offsetS: number): Promise<void> {
  const next = `${offsetFile}.next`;
  writeFileSync(next, `${offsetS < 0 ? "" : "+"}${offsetS}\n`);
  // At once, as a clock is set.
  renameSync(next, offsetFile);
  await sleep(SEEN_MS);
}

/** A relay that sees another time of day. Its monotonic clock is the machine's, as on a real one. */
async function fakedClock() {
  const library = libfaketime();
  if (library === null) return { missing: "libfaketime is not installed (Debian: faketime)" };
  const directory = mkdtempSync(join(tmpdir(), "murelay-clock-"));
  offsetFile = join(directory, "offset");
  writeFileSync(offsetFile, "+0\n");
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: offsetFile,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
      // Times of files come from the kernel, which knows the true one.
      NO_FAKE_STAT: "1",
    },
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

function libfaketime(): string | null {
  const roots = ["/usr/lib", "/usr/local/lib", "/usr/lib64"];
  for (const root of roots)
    for (const place of ["", ...names(root)]) {
      const folder = join(root, place, "faketime");
      // The variant for programs with threads.
      if (names(folder).includes("libfaketimeMT.so.1")) return join(folder, "libfaketimeMT.so.1");
    }
  return null;
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // There is none.
    return [];
  }
}
