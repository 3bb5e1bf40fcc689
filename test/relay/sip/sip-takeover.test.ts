import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallContext } from "../../../src/relay/call/call-path.js";
import type { MediaLeg } from "../../../src/relay/media/media-leg.js";
import { SipTakeover } from "../../../src/relay/sip/sip-takeover.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { SID, settle } from "../../fakes/sip-bench.js";

const HOLD_URL = `https://relay.test/transfer-status?sip=silence&call=${SID}`;

/** What becomes of the requests about the model. */
function stage(
  unheld: (n: number) => Promise<void> = async () => undefined,
  held: () => Promise<void> = async () => undefined,
) {
  const told: string[] = [];
  const clock = new FakeClock();
  let unholds = 0;
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
        expect([conference, who]).toEqual([`murelay-${SID}`, "virtual agent"]);
        told.push(hold === true ? `hold ${holdUrl}` : "unhold");
        return hold === true ? held() : unheld(++unholds);
      },
      isOnHold: async () => false,
    },
    tokens: { issue: () => "token" },
    appSid: "AP7",
    publicUrl: "https://relay.test",
    mediaUrl: "wss://relay.test/media-stream",
    heard: () => void told.push("heard"),
    failed: () => void told.push("failed"),
    modelStuck: () => void told.push("model stuck"),
  });
  let lines = 0;
  const leg = { media: () => undefined, close: () => undefined } as unknown as MediaLeg;
  const connect = () => takeover.line.claim(String(++lines), leg);
  /** The supervisor is heard, and the model on hold. */
  const heard = async () => {
    takeover.begin();
    connect();
    await settle();
    told.length = 0;
  };
  return { takeover, told, clock, connect, heard, done: () => void told.push("done") };
}

const fails = (code: "twilio_unavailable" | "caller_gone") =>
  Promise.reject(new RelayError(code, ""));

describe("a take-over on the SIP path", () => {
  it("keeps the model on hold, in silence, and is over once it is off it", async () => {
    const { takeover, told, done, clock, connect } = stage();
    takeover.begin();
    takeover.modelCame();
    await settle();
    // The caller is still with the model.
    expect(told.splice(0)).toEqual(["supervisor added"]);
    expect(takeover.isHeard).toBe(false);
    connect();
    await settle();
    expect(told.splice(0)).toEqual(["heard", `hold ${HOLD_URL}`]);
    expect(takeover.isHeard).toBe(true);
    takeover.modelCame();
    await settle();
    expect(told.splice(0)).toEqual([`hold ${HOLD_URL}`]);
    takeover.end(done);
    await settle();
    expect(told.splice(0)).toEqual(["unhold", "done"]);
    clock.advance(60_000);
    takeover.modelCame();
    await settle();
    expect(told).toEqual([]);
  });

  it("fails when the model cannot be kept out", async () => {
    const { takeover, told, connect } = stage(undefined, () => fails("twilio_unavailable"));
    takeover.begin();
    connect();
    await settle();
    expect(told.at(-1)).toBe("failed");
  });

  it("ends in order: a slow request of the beginning does not win over the end's", async () => {
    let answer = (): void => undefined;
    const { takeover, told, done, heard } = stage(
      undefined,
      () => new Promise((resolve) => (answer = resolve)),
    );
    await heard();
    takeover.end(done);
    await settle();
    expect(told).not.toContain("unhold");
    answer();
    await settle();
    expect(told.slice(-2)).toEqual(["unhold", "done"]);
  });

  it("tries once more after two seconds without an answer, and is over with the first", async () => {
    const answers: (() => void)[] = [];
    const { takeover, told, done, clock, heard } = stage(
      () => new Promise((resolve) => void answers.push(resolve)),
    );
    await heard();
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
    const { takeover, told, done, clock, heard } = stage(() => new Promise(() => undefined));
    await heard();
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
    const { takeover, told, done, clock, heard } = stage((n) =>
      n === 1 ? new Promise(() => undefined) : fails("twilio_unavailable"),
    );
    await heard();
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
    await another.heard();
    another.takeover.end(another.done);
    another.takeover.begin();
    another.connect();
    await settle();
    another.clock.advance(4_000);
    expect(another.told).toEqual(["supervisor added", "heard", "unhold", "done"]);
    const over = stage(() => new Promise(() => undefined));
    await over.heard();
    over.takeover.end(over.done);
    over.takeover.close();
    await settle();
    over.clock.advance(60_000);
    expect(over.told).toEqual(["unhold"]);
  });

  it("that is not heard leaves the model alone", async () => {
    const { takeover, told, done } = stage();
    takeover.begin();
    takeover.end(done);
    await settle();
    expect(told).toEqual(["supervisor added", "done"]);
  });

  it("that is not heard keeps no model of an earlier one on hold", async () => {
    let answer = (): void => undefined;
    const { takeover, told, done, heard } = stage((n) =>
      n === 1 ? new Promise((_, no) => (answer = () => no(new Error("late")))) : Promise.resolve(),
    );
    await heard();
    takeover.end(done);
    takeover.begin();
    await settle();
    answer();
    await settle();
    expect(told).toEqual(["supervisor added", "unhold", "unhold", "done"]);
  });

  it("tries once more to bring the model back, and then another model is called in", async () => {
    const once = stage((n) => (n === 1 ? fails("twilio_unavailable") : Promise.resolve()));
    await once.heard();
    once.takeover.end(once.done);
    await settle();
    expect(once.told).toEqual(["unhold", "unhold", "done"]);
    const never = stage(() => fails("twilio_unavailable"));
    await never.heard();
    never.takeover.end(never.done);
    await settle();
    expect(never.told).toEqual(["unhold", "unhold", "model stuck", "done"]);
    // It has left by itself: news of that follow.
    const gone = stage(() => fails("caller_gone"));
    await gone.heard();
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
