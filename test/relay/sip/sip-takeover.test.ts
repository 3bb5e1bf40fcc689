import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallContext } from "../../../src/relay/call/call-path.js";
import { SipTakeover } from "../../../src/relay/sip/sip-takeover.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { SID, settle } from "../../fakes/sip-bench.js";

const HOLD_URL = `https://relay.test/transfer-status?sip=silence&call=${SID}`;

/** @param update  what becomes of each request about the model. */
function stage(update: (n: number) => Promise<void> = async () => undefined) {
  const told: string[] = [];
  const clock = new FakeClock();
  let updates = 0;
  const call = {
    parties: { callSid: SID, to: "+15550001111" },
    deps: { clock },
    log: new FakeLog(),
  } as unknown as CallContext;
  const takeover = new SipTakeover(call, {
    control: {
      createParticipant: () => {
        told.push("supervisor added");
        return new Promise(() => undefined);
      },
      hangUp: async () => undefined,
      updateParticipant: (conference, who, { hold, holdUrl }) => {
        updates += 1;
        expect([conference, who]).toEqual([`murelay-${SID}`, "virtual agent"]);
        told.push(hold === true ? `hold ${holdUrl}` : "unhold");
        return update(updates);
      },
    },
    tokens: { issue: () => "token" },
    appSid: "AP7",
    publicUrl: "https://relay.test",
    mediaUrl: "wss://relay.test/media-stream",
    failed: () => void told.push("failed"),
    modelStuck: () => void told.push("model stuck"),
  });
  return { takeover, told, clock, done: () => void told.push("done") };
}

const fails = (code: "twilio_unavailable" | "caller_gone") =>
  Promise.reject(new RelayError(code, ""));

describe("a take-over on the SIP path", () => {
  it("keeps the model on hold, in silence, and is over once it is off it", async () => {
    const { takeover, told, done, clock } = stage();
    takeover.begin();
    await settle();
    expect(told.splice(0)).toEqual(["supervisor added", `hold ${HOLD_URL}`]);
    takeover.modelAttached();
    await settle();
    expect(told.splice(0)).toEqual([`hold ${HOLD_URL}`]);
    takeover.end(done);
    await settle();
    expect(told.splice(0)).toEqual(["unhold", "done"]);
    clock.advance(60_000);
    takeover.modelAttached();
    await settle();
    expect(told).toEqual([]);
  });

  it("fails when the model cannot be kept out", async () => {
    const { takeover, told } = stage((n) => (n === 1 ? fails("twilio_unavailable") : undefined!));
    takeover.begin();
    await settle();
    expect(told.at(-1)).toBe("failed");
  });

  it("ends in order: a slow request of the beginning does not win over the end's", async () => {
    let answer = (): void => undefined;
    const { takeover, told, done } = stage((n) =>
      n === 1 ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(),
    );
    takeover.begin();
    await settle();
    takeover.end(done);
    await settle();
    expect(told).not.toContain("unhold");
    answer();
    await settle();
    expect(told.slice(-2)).toEqual(["unhold", "done"]);
  });

  it("tries once more after two seconds without an answer, and is over with the first", async () => {
    const answers: (() => void)[] = [];
    const { takeover, told, done, clock } = stage(
      () => new Promise((resolve) => void answers.push(resolve)),
    );
    takeover.end(done);
    await settle();
    clock.advance(1_999);
    await settle();
    expect(told).toEqual(["unhold"]);
    clock.advance(1);
    await settle();
    expect(told.splice(0)).toEqual(["unhold", "unhold"]);
    answers[1]!();
    await settle();
    expect(told.splice(0)).toEqual(["done"]);
    answers[0]!();
    await settle();
    clock.advance(60_000);
    expect(told).toEqual([]);
  });

  it("calls in another model after four seconds without an answer, and never says it is back", async () => {
    const { takeover, told, done, clock } = stage(() => new Promise(() => undefined));
    takeover.end(done);
    await settle();
    clock.advance(3_999);
    await settle();
    expect(told).toEqual(["unhold", "unhold"]);
    clock.advance(1);
    expect(told.slice(2)).toEqual(["model stuck", "done"]);
    clock.advance(60_000);
    expect(told).toHaveLength(4);
  });

  it("waits for the first answer when the second try is refused", async () => {
    const { takeover, told, done, clock } = stage((n) =>
      n === 1 ? new Promise(() => undefined) : fails("twilio_unavailable"),
    );
    takeover.end(done);
    await settle();
    clock.advance(2_000);
    await settle();
    expect(told).toEqual(["unhold", "unhold"]);
    clock.advance(2_000);
    expect(told.slice(2)).toEqual(["model stuck", "done"]);
  });

  it("leaves the model to another take-over that has begun, or to the end of the call", async () => {
    const another = stage(() => new Promise(() => undefined));
    another.takeover.end(another.done);
    another.takeover.begin();
    await settle();
    another.clock.advance(4_000);
    expect(another.told).toEqual(["supervisor added", "unhold", "done"]);
    const over = stage(() => new Promise(() => undefined));
    over.takeover.end(over.done);
    over.takeover.close();
    await settle();
    over.clock.advance(60_000);
    expect(over.told).toEqual(["unhold"]);
  });

  it("tries once more to bring the model back, and then another model is called in", async () => {
    const once = stage((n) => (n === 1 ? fails("twilio_unavailable") : Promise.resolve()));
    once.takeover.end(once.done);
    await settle();
    expect(once.told).toEqual(["unhold", "unhold", "done"]);
    const never = stage(() => fails("twilio_unavailable"));
    never.takeover.end(never.done);
    await settle();
    expect(never.told).toEqual(["unhold", "unhold", "model stuck", "done"]);
    // It has left by itself: news of that follow.
    const gone = stage(() => fails("caller_gone"));
    gone.takeover.end(gone.done);
    await settle();
    expect(gone.told).toEqual(["unhold", "done"]);
  });

  it("asks Twilio for nothing once the call is over", async () => {
    const { takeover, told, done, clock } = stage();
    takeover.close();
    takeover.end(done);
    await settle();
    clock.advance(60_000);
    expect(told).toEqual([]);
  });
});
