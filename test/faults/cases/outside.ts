import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RestFault } from "../../../sim/twilio/rest.js";
import type { FaultCase } from "../fault-case.js";
import { until, World } from "../world.js";

const REST_KINDS: readonly RestFault["kind"][] = ["429", "500", "reset", "timeout_before"];

export const OUTSIDE_CASES: readonly FaultCase[] = [
  ...REST_KINDS.map(
    (kind): FaultCase => ({
      name: `rest-${kind.replace("_", "-")}`,
      group: "outside",
      ...(kind === "500" ? { quick: true } : {}),
      what: `Twilio's REST meets a transfer with: ${kind}, three times`,
      holds: "the caller who presses 0 reaches a person",
      run: async (world) => {
        const call = await world.talk();
        world.twilio.failRest({ operation: "calls.update", kind, times: 3 });
        call.press("0");
        await call.events.until("dial_bridged", {}, 30_000);
        call.hangUp();
        await call.ended;
      },
    }),
  ),
  {
    name: "database-file-deleted",
    group: "outside",
    alone: true,
    what: "the SQLite file is deleted while the relay runs",
    holds: "callers are answered as before, the log names the loss, and new records are kept",
    run: async (world) => {
      const call = await world.talk();
      const file = join(dirname(world.relay.agentsFile), "node.db");
      for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
      const next = await world.talk();
      next.hangUp();
      await next.ended;
      await world.record(next.sid);
      assert.equal(call.over, false);
      const lost = "the database file was deleted or replaced";
      await until(() => world.relay.log().includes(lost), "the log names the loss", 30_000);
    },
  },
  {
    name: "disk-full",
    group: "outside",
    alone: true,
    what: "no file may grow any more (RLIMIT_FSIZE of 0, as a full disk)",
    holds: "callers are answered and can reach a person",
    run: async (world) => {
      const limited = spawnSync("prlimit", [`--pid=${world.workerPid}`, "--fsize=4096:4096"]);
      assert.equal(limited.status, 0, "prlimit is missing");
      await world.answersNewCaller();
      const call = await world.talk();
      call.press("0");
      await call.events.until("dial_bridged", {}, 30_000);
    },
  },
  {
    name: "unreachable-model-host",
    group: "outside",
    alone: true,
    what: "the model's host name does not resolve",
    holds: "callers reach a person",
    run: async () => {
      const world = await World.start({
        calls: 0,
        env: { OPENAI_REALTIME_URL: "wss://no-such-host.invalid/v1/realtime" },
      });
      try {
        const call = world.twilio.placeCall();
        await call.events.until("dial_bridged", {}, 30_000);
      } finally {
        await world.stop();
      }
    },
  },
];
