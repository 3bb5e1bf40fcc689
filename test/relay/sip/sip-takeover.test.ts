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

  it("goes on after two seconds when Twilio does not answer", async () => {
    const { takeover, told, done, clock } = stage(() => new Promise(() => undefined));
    takeover.end(done);
    await settle();
    clock.advance(1_999);
    expect(told).not.toContain("done");
    clock.advance(1);
    expect(told.at(-1)).toBe("done");
  });

  it("tries once more to bring the model back, and then another model is called in", async () => {
    const once = stage((n) => (n === 1 ? fails("twilio_unavailable") : Promise.resolve()));
    once.takeover.end(once.done);
    await settle();
    expect(once.told).toEqual(["unhold", "unhold", "done"]);
    const never = stage(() => fails("twilio_unavailable"));
    never.takeover.end(never.done);
    await settle();
    expect(never.told).toEqual(["unhold", "unhold", "model stuck"]);
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
