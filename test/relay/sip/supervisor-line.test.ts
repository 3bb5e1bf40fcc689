import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid } from "../../../src/domain/ids.js";
import type { MediaLeg } from "../../../src/relay/media/media-leg.js";
import { SupervisorLine } from "../../../src/relay/sip/supervisor-line.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";

const SID = `CA${"1".repeat(32)}` as CallSid;
const APP_LEG = `CA${"2".repeat(32)}` as CallSid;
const FRAME = new Uint8Array(160).fill(7);

function stage(create: (n: number) => Promise<string> = async (n) => `CA-line-${n}`) {
  const told: string[] = [];
  const clock = new FakeClock();
  let creates = 0;
  const line = new SupervisorLine({
    callSid: SID,
    number: "+15550001111",
    control: {
      createParticipant: async (asked) => {
        creates += 1;
        const { to, from, label, conference, startConferenceOnEnter, endConferenceOnExit } = asked;
        told.push(`add ${to} ${from} ${label} ${conference}`);
        expect([startConferenceOnEnter, endConferenceOnExit]).toEqual([true, false]);
        return { callSid: (await create(creates)) as CallSid, conferenceSid: "CF1" };
      },
      hangUp: async (callSid) => void told.push(`hang up ${callSid}`),
    },
    tokens: { issue: (callSid, claims) => `${callSid}:${claims.join(":")}` },
    appSid: "AP7",
    publicUrl: "https://relay.test",
    mediaUrl: "wss://relay.test/media-stream",
    clock,
    log: new FakeLog(),
    connected: () => void told.push("connected"),
    failed: () => void told.push("failed"),
  });
  const legOf = (name: string) =>
    ({
      media: (_ulaw: Uint8Array, _start: number, end: number) => void told.push(`${name} ${end}`),
      close: () => void told.push(`${name} closed`),
    }) as unknown as MediaLeg;
  return { line, told, clock, legOf };
}

const ADDED = (n: number) =>
  `add app:AP7?call=${SID}&line=${n} +15550001111 supervisor murelay-${SID}`;

describe("a supervisor's line into a conference", () => {
  it("is a participant whose App connects a stream, which carries the voice", async () => {
    const { line, told, legOf } = stage();
    line.play(FRAME);
    line.open();
    await settle();
    expect(told.splice(0)).toEqual([ADDED(1)]);
    expect(line.twiml("1", APP_LEG)).toEqual([
      {
        verb: "connect_stream",
        action: `https://relay.test/sip/supervisor?sip=line_ended&call=${SID}&line=1`,
        url: "wss://relay.test/media-stream",
        parameters: { token: `${APP_LEG}:line:${SID}:1`, call: SID, line: "1" },
      },
    ]);
    expect(line.claim("1", legOf("leg"))).not.toBeNull();
    expect(line.claim("1", legOf("replayed"))).toBeNull();
    line.play(FRAME);
    line.close();
    line.close();
    line.play(FRAME);
    expect(told).toEqual(["connected", "leg 160", "leg closed", "hang up CA-line-1"]);
    expect(line.twiml("1", APP_LEG)).toBeNull();
  });

  it("drops audio of a burst that would only be heard late", () => {
    const { line, told, clock, legOf } = stage();
    line.open();
    line.claim("1", legOf("leg"));
    for (let n = 0; n < 100; n++) line.play(FRAME);
    const played = () => told.filter((text) => text === "leg 160").length;
    expect(played()).toBe(16);
    clock.advance(20);
    line.play(FRAME);
    expect(played()).toBe(17);
  });

  it("fails where Twilio refuses it, or no stream has come in five seconds", async () => {
    const refused = stage(() => Promise.reject(new RelayError("twilio_rejected", "no App")));
    refused.line.open();
    await settle();
    expect(refused.told.slice(1)).toEqual(["failed"]);
    const late = stage();
    late.line.open();
    await settle();
    late.clock.advance(5_000);
    expect(late.told.slice(1)).toEqual(["hang up CA-line-1", "failed"]);
    expect(late.line.claim("1", late.legOf("leg"))).toBeNull();
  });

  it("stays when its stream is there, and only Twilio's answer is lost", async () => {
    let reject = (_error: Error): void => undefined;
    const { line, told, legOf } = stage(() => new Promise((_, no) => (reject = no)));
    line.open();
    line.claim("1", legOf("leg"));
    reject(new RelayError("twilio_unavailable", "no answer in time"));
    await settle();
    line.play(FRAME);
    expect(told.slice(1)).toEqual(["connected", "leg 160"]);
  });

  it("fails when its stream ends and the caller stays", async () => {
    const { line, told, clock, legOf } = stage();
    line.open();
    await settle();
    line.claim("1", legOf("leg"))!.events.streamEnded(true);
    clock.advance(499);
    expect(told.splice(0)).toEqual([ADDED(1), "connected"]);
    clock.advance(1);
    expect(told).toEqual(["leg closed", "hang up CA-line-1", "failed"]);
  });

  it("that is closed before Twilio has answered is hung up then, and another is its own", async () => {
    const answers: ((sid: string) => void)[] = [];
    const { line, told, legOf } = stage(() => new Promise((resolve) => void answers.push(resolve)));
    line.open();
    line.close();
    line.open();
    answers[0]!("CA-line-1");
    await settle();
    expect(told).toEqual([ADDED(1), ADDED(2), "hang up CA-line-1"]);
    expect(line.twiml("1", APP_LEG)).toBeNull();
    expect(line.claim("1", legOf("old"))).toBeNull();
    expect(line.claim("2", legOf("leg"))).not.toBeNull();
  });
});
