import { beforeEach, describe, expect, it } from "vitest";
import type { CallRecord } from "../../src/domain/call-record.js";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { CrmCall } from "../../src/ports/crm.js";
import { CompletionNotifier } from "../../src/records/completion-notifier.js";
import { emptyRecord } from "../../src/records/record.js";
import { FakeLog } from "../fakes/fake-ports.js";

const SID = "CA1" as CallSid;
const ENDED: RecordEvent = { type: "ended", atMs: 1, outcome: "completed", reason: "done" };

let written: RecordEvent[];
let sent: { readonly call: CrmCall; readonly record: string }[];
let log: FakeLog;
beforeEach(() => {
  written = [];
  sent = [];
  log = new FakeLog();
});

const notifier = (
  find: () => Promise<CallRecord | null>,
  completed = async (call: CrmCall, record: string) => void sent.push({ call, record }),
) =>
  new CompletionNotifier({ write: (_, event) => void written.push(event) }, find, completed, log);
const settle = async () => await new Promise((resolve) => setImmediate(resolve));

describe("CompletionNotifier", () => {
  it("passes every event on, and notifies of the end only", async () => {
    const record = { ...emptyRecord(SID), from: "+15550001111", to: "+15550002222" };
    const journal = notifier(async () => record);
    journal.write(SID, { type: "moved" });
    await settle();
    expect(sent).toEqual([]);
    journal.write(SID, ENDED);
    await settle();
    expect(written).toEqual([{ type: "moved" }, ENDED]);
    expect(sent).toEqual([
      {
        call: { callSid: SID, from: "+15550001111", to: "+15550002222" },
        record: JSON.stringify(record),
      },
    ]);
  });

  it("reads the record after the end was written to it", async () => {
    let recordedAtRead = 0;
    const journal = notifier(async () => {
      recordedAtRead = written.length;
      return emptyRecord(SID);
    });
    journal.write(SID, ENDED);
    await settle();
    expect(recordedAtRead).toBe(1);
    expect(sent[0]?.call).toEqual({ callSid: SID, from: "", to: "" });
  });

  it("sends nothing for a call that is not known", async () => {
    await notifier(async () => null).notify(SID);
    expect([sent, log.lines]).toEqual([[], []]);
  });

  it.each([
    ["the record cannot be read", "store_unavailable"],
    ["the disk fails", "internal"],
  ])("logs and never rejects when %s", async (_, code) => {
    const away = new RelayError("store_unavailable", "away", { retryable: true });
    const failing =
      code === "internal"
        ? notifier(
            async () => emptyRecord(SID),
            async () => {
              throw new Error("ENOSPC");
            },
          )
        : notifier(async () => {
            throw away;
          });
    await failing.notify(SID);
    const fields = JSON.stringify({ callSid: SID, code });
    expect(log.lines).toEqual([`error crm: call_completed not stored ${fields}`]);
  });
});
