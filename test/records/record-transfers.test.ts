import { describe, expect, it } from "vitest";
import { emptyRecord } from "../../src/records/record.js";
import { draftOf, LIMITS } from "../../src/records/record-draft.js";
import {
  applyTransferOutcome,
  applyTransferRequested,
  applyTransferStep,
} from "../../src/records/record-transfers.js";
import { testSid, transferOutcome, transferRequested } from "../fakes/record-events.js";

const draft = (...destinations: readonly string[]) => {
  const one = draftOf(emptyRecord(testSid(1)));
  for (const [i, destination] of destinations.entries())
    applyTransferRequested(one, transferRequested(i, destination), i);
  return one;
};
const outcomesOf = ({ earlierTransfers, transfer }: ReturnType<typeof draft>) =>
  [...earlierTransfers, transfer].map((one) => `${one?.destination} ${one?.outcome}`);
const step = (detail: string) =>
  ({ type: "transfer_step", atMs: 0, step: "dialling", detail }) as unknown as Parameters<
    typeof applyTransferStep
  >[1];

describe("a transfer that is requested", () => {
  it("takes the place of the last one, which is kept", () => {
    const one = draft("billing", "desk");
    expect(outcomesOf(one)).toEqual(["billing null", "desk null"]);
    expect(one.transfer).toMatchObject({ requestedMs: 1, steps: [] });
  });
});

describe("a step", () => {
  it("belongs to the transfer that is under way, in the order of time", () => {
    const one = draft("billing");
    applyTransferStep(one, step("second"), 20);
    applyTransferStep(one, step("first"), 10);
    expect(one.transfer?.steps.map(({ detail }) => detail)).toEqual(["first", "second"]);
  });

  it("is an event of the call where no transfer is known", () => {
    const one = draft();
    applyTransferStep(one, step("lost"), 10);
    expect(one.events).toEqual([{ atMs: 10, name: "dialling", fields: { detail: "lost" } }]);
  });

  it("is left out past the limit, and the earlier record is unchanged", () => {
    const one = draft("billing");
    const { transfer: before } = one;
    for (let n = 0; n <= LIMITS.transferSteps; n++) applyTransferStep(one, step(`${n}`), n);
    expect(one.transfer?.steps).toHaveLength(LIMITS.transferSteps);
    expect(before?.steps).toEqual([]);
  });
});

describe("an outcome", () => {
  it.each([
    ["of the newest transfer", ["billing", "desk"], "desk", ["billing null", "desk busy"]],
    ["that comes late", ["billing", "desk"], "billing", ["billing busy", "desk null"]],
    [
      "of the same destination, asked twice",
      ["billing", "desk", "desk"],
      "desk",
      ["billing null", "desk null", "desk busy"],
    ],
    [
      "of a later step of the failover list",
      ["billing", "desk"],
      "mobile",
      ["billing busy", "desk null"],
    ],
    ["of a later step of the only transfer", ["billing"], "mobile", ["billing busy"]],
  ])("%s is told to its transfer", (_, requested, destination, outcomes) => {
    const one = draft(...requested);
    applyTransferOutcome(one, transferOutcome(9, "busy", destination), 9);
    expect(outcomesOf(one)).toEqual(outcomes);
    expect(one.events).toEqual([]);
  });

  it("that no transfer waits for is an event of the call", () => {
    const one = draft("billing");
    applyTransferOutcome(one, transferOutcome(1, "answered"), 1);
    applyTransferOutcome(one, transferOutcome(9, "busy", "mobile"), 9);
    expect(outcomesOf(one)).toEqual(["billing answered"]);
    expect(one.events).toEqual([
      { atMs: 9, name: "transfer_outcome", fields: { destination: "mobile", outcome: "busy" } },
    ]);
  });
});
