import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import { applyEvents, emptyRecord } from "../../../src/records/record.js";
import { ended, opened, testSid } from "../../fakes/record-events.js";

let directory: string;
let store: OpenStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "murelay-reads-"));
  store = await openStore(`sqlite:${join(directory, "a.db")}`, (error) => {
    throw error;
  });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const recordOf = (n: number) => applyEvents(emptyRecord(testSid(n)), [opened(), ended(500)]);

describe("a stored record that is damaged", () => {
  it.each(["", "{", "{}", "null", '{"turns":7}'])(
    "%j is what its columns tell, and keeps no other from being read",
    async (json) => {
      const saves = [1, 2].map((n) => ({
        ...{ callSid: testSid(n), record: recordOf(n), applied: { w: 2 } },
        ...{ basedOn: 0, owner: "w" },
      }));
      expect(await store.save(saves)).toEqual(["saved", "saved"]);
      const client = new Database(join(directory, "a.db"));
      client.prepare("update calls set record = ? where call_sid = ?").run([json, testSid(1)]);
      client.close();
      const read = await store.loadMany([testSid(1), testSid(2)]);
      expect(read.get(testSid(2))).toEqual({
        ...{ record: recordOf(2), applied: { w: 2 } },
        ...{ version: 1, owner: "w" },
      });
      const { callSid, state, agent, from, startedAt, endedAt, outcome } = recordOf(1);
      expect(read.get(testSid(1))).toMatchObject({
        ...{ version: 1, owner: "w", applied: {}, unreadable: json },
        record: { callSid, state, agent, from, startedAt, endedAt, outcome, turns: [] },
      });
    },
  );
});
