import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import { KeptTransfers } from "../../../src/relay/calls/kept-transfers.js";
import type { KeptTransfer } from "../../../src/relay/calls/transfer-service.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";

function stored(find: (() => Promise<KeptTransfer | null>) | null) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const kept = new KeptTransfers({ states: find === null ? null : { find }, clock, log });
  return { kept, clock, log };
}

const written = (version: number) => ({ version }) as unknown as KeptTransfer;
const away = () => Promise.reject(new RelayError("store_unavailable", "away", { retryable: true }));

describe("the stored state of a transfer", () => {
  it("is what another process of this version has written", async () => {
    for (const [find, expected] of [
      [async () => written(2), written(2)],
      [async () => written(1), null],
      [async () => null, null],
      [null, null],
    ] as const)
      expect(await stored(find).kept.read(sid(1))).toEqual(expected);
  });

  it("that cannot be read is an error for a reader who can wait, and none for Twilio", async () => {
    const { kept, log } = stored(away);
    await expect(kept.read(sid(1))).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await kept.find(sid(1))).toBeNull();
    expect(log.lines).toHaveLength(1);
  });

  it("is not waited for longer than two seconds", async () => {
    const { kept, clock } = stored(() => new Promise<never>(() => undefined));
    const read = expect(kept.read(sid(1))).rejects.toMatchObject({
      code: "store_unavailable",
      retryable: true,
    });
    const found = kept.find(sid(1));
    clock.advance(2_000);
    await read;
    expect(await found).toBeNull();
  });
});
