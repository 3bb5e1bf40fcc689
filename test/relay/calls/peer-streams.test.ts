/** Two processes: one has a call on the SIP path, Twilio brings the call's streams to the other. */
import { describe, expect, it } from "vitest";
import type {
  MediaReceiver,
  MediaSocket,
  PeerConnectionEvents,
} from "../../../src/ports/sockets.js";
import { readLineLink } from "../../../src/relay/calls/callback-link.js";
import { PeerStreams } from "../../../src/relay/calls/peer-streams.js";
import { ACCOUNT, parametersOf, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { SID, settle, sipBench, talking } from "../../fakes/sip-bench.js";

const APP_LEG = sid(50);
const FRAME = new Uint8Array(160).fill(0x55);
const FRAME_64 = Buffer.from(FRAME).toString("base64");

interface Faults {
  /** The process with the call cannot be connected to. */
  readonly unreachable?: boolean;
  /** It does not answer, or there is none. */
  readonly silent?: boolean;
}

/** Twilio's end of a stream. */
class Socket implements MediaSocket {
  readonly got: Record<string, unknown>[] = [];
  closedWith: string | null = null;
  receiver: MediaReceiver | null = null;
  send(message: Uint8Array): boolean {
    this.got.push(JSON.parse(Buffer.from(message).toString()));
    return true;
  }
  cork(write: () => void): void {
    write();
  }
  bufferedBytes(): number {
    return 0;
  }
  close(code: number, reason: string): void {
    this.closedWith ??= `${code} ${reason}`;
  }
  says(message: object): void {
    this.receiver?.message(Buffer.from(JSON.stringify(message)));
  }
  start(callSid: string, customParameters: Readonly<Record<string, string>>): void {
    this.says({ event: "connected", protocol: "Call", version: "1.0.0" });
    this.says({
      event: "start",
      sequenceNumber: "1",
      start: {
        streamSid: "MZ9",
        accountSid: ACCOUNT,
        callSid,
        tracks: ["inbound", "outbound"],
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        customParameters,
      },
      streamSid: "MZ9",
    });
  }
  stop(callSid: string): void {
    const stop = { accountSid: ACCOUNT, callSid };
    this.says({ event: "stop", sequenceNumber: "5", stop, streamSid: "MZ9" });
  }
  media(track: "inbound" | "outbound", n: number): void {
    this.says({
      event: "media",
      sequenceNumber: String(n + 1),
      media: { track, chunk: String(n), timestamp: String(n * 20), payload: FRAME_64 },
      streamSid: "MZ9",
    });
  }
}

async function stage(faults: Faults = {}) {
  const clock = new FakeClock();
  const there = sipBench({ clock, supervisorAppSid: "AP7" });
  await talking(there);
  const asked: string[] = [];
  /** The connection between them, as the process with the call sees it. */
  const carried: { receiver: MediaReceiver; sent: number; backlog: number; closed: string[] }[] =
    [];
  const parts = { clock, log: there.log, cluster: { ask: async () => null } };
  const inviting = new PeerStreams({
    ...parts,
    node: "there",
    registry: there.registry,
    peers: { dial: async () => null },
  });
  inviting.reachedAt = "http://there:9464";
  let toHere: PeerConnectionEvents | null = null;
  const streams = new PeerStreams({
    ...parts,
    node: "here",
    registry: { sip: () => undefined },
    cluster: {
      ask: async (callSid, request) => {
        asked.push(`${callSid} ${request.kind}`);
        return faults.silent === true ? null : inviting.invite(callSid);
      },
    },
    peers: {
      dial: async (url, callSid, purpose, ticket) => {
        expect([url, purpose]).toEqual(["http://there:9464", "stream"]);
        if (faults.unreachable === true || !inviting.redeem(callSid, ticket)) return null;
        const closed: string[] = [];
        const receiver = there.calls.openCarried({
          send: (message) => {
            toHere?.message(message, false);
            return true;
          },
          cork: (write) => write(),
          bufferedBytes: () => 0,
          close: (code, reason) => toHere?.closed(code, reason),
        });
        const connection = { receiver, sent: 0, backlog: 0, closed };
        carried.push(connection);
        return {
          begin: (events) => {
            toHere = events;
          },
          send: (message, isBinary) => {
            expect(isBinary).toBe(false);
            connection.sent += 1;
            receiver.message(message);
          },
          bufferedBytes: () => connection.backlog,
          close: (code, reason) => {
            if (closed.length === 0) receiver.closed(code);
            closed.push(`${code} ${reason}`);
          },
        };
      },
    },
  });
  const here = sipBench({ clock, peerStreams: streams });
  const stream = () => {
    const socket = new Socket();
    socket.receiver = here.calls.openStream(socket);
    return socket;
  };
  const lose = () => toHere?.closed(1006, "");
  return { clock, there, here, streams, inviting, asked, carried, stream, lose };
}

type Stage = Awaited<ReturnType<typeof stage>>;

/** An operator listens to the call. */
function listens({ there, clock }: Stage) {
  const heard: number[] = [];
  const closed: number[] = [];
  const joined = there.registry.find(SID)!.path.listeners!.join(
    "ada",
    {
      send: (message, isBinary) => void (isBinary && heard.push(message[0]!)),
      bufferedBytes: () => 0,
      close: (code) => void closed.push(code),
    },
    clock,
  )!;
  return { heard, closed, id: joined.id };
}

async function takesOver(one: Stage) {
  const { there } = one;
  const listener = listens(one);
  const call = there.registry.find(SID)!;
  expect(call.execute({ type: "take_over", by: "ada", listener: listener.id })).toBeNull();
  await settle();
  const twiml = await there.calls.transferStatus(
    { CallSid: APP_LEG },
    readLineLink({}, { call: SID, line: "1" }),
  );
  const line = one.stream();
  line.start(APP_LEG, parametersOf(twiml));
  await settle();
  return { ...listener, call, line };
}

describe("a stream that Twilio brings to another process than that of its call", () => {
  it("is carried there: listeners hear both tracks, also what came while the way was opened", async () => {
    const one = await stage();
    const { heard } = listens(one);
    const copy = one.stream();
    copy.start(SID, one.there.copies[0]!);
    copy.media("inbound", 1);
    copy.media("outbound", 1);
    await settle();
    copy.media("inbound", 2);
    one.clock.advance(60);
    expect(heard.sort()).toEqual([0, 1]);
    expect(one.asked).toEqual([`${SID} stream`]);
    expect(one.carried[0]!.sent).toBe(4);
    // The last listener has left: the process with the call ends the stream.
    one.there.registry.find(SID)!.path.listeners!.close();
    one.clock.advance(3_000);
    expect(copy.closedWith).toBe("1000 done");
  });

  it("is carried there: the caller hears the supervisor through it", async () => {
    const one = await stage();
    const { call, line } = await takesOver(one);
    expect(one.there.twilio.at(-1)).toContain("update virtual agent");
    const base64 = Buffer.from(FRAME).toString("base64");
    call.execute({ type: "supervisor_audio", listener: 1, base64 });
    expect(line.got).toEqual([{ event: "media", streamSid: "MZ9", media: { payload: FRAME_64 } }]);
    call.execute({ type: "hand_back", by: "ada", reason: "asked", note: null });
    await settle();
    expect(line.closedWith).toBe("1000 done");
    expect(one.carried[0]!.closed).toEqual(["1000 closed"]);
  });

  it.each([
    ["Twilio stops it", (line: Socket) => line.stop(APP_LEG)],
    ["its socket breaks", (line: Socket) => line.receiver!.closed(1006)],
  ])("ends for the process with the call when %s", async (_, ends) => {
    const one = await stage();
    const { call, line } = await takesOver(one);
    expect(call.takeover.isOn).toBe(true);
    ends(line);
    one.clock.advance(500);
    expect(call.takeover.isOn).toBe(false);
  });

  it("ends for Twilio when the process with the call is lost, or takes nothing any more", async () => {
    const lost = await stage();
    const { line } = await takesOver(lost);
    lost.lose();
    expect(line.closedWith).toBe("1011 process lost");
    const slow = await stage();
    listens(slow);
    const copy = slow.stream();
    copy.start(SID, slow.there.copies[0]!);
    await settle();
    slow.carried[0]!.backlog = 64 * 1024 + 1;
    copy.media("inbound", 1);
    expect(slow.carried[0]!.closed).toEqual(["1011 too slow"]);
  });

  it.each<[string, Faults, boolean]>([
    ["cannot be connected to", { unreachable: true }, true],
    ["does not answer", { silent: true }, false],
  ])("is refused where the process with the call %s", async (_, faults, isTold) => {
    const one = await stage(faults);
    listens(one);
    const copy = one.stream();
    copy.start(SID, one.there.copies[0]!);
    await settle();
    expect(copy.closedWith).toBe("1008 refused");
    expect(one.there.log.lines.join().includes("process with the call not reached")).toBe(isTold);
  });

  it("is not carried, and nobody is asked, without a good token", async () => {
    const one = await stage();
    listens(one);
    const copy = one.stream();
    copy.start(SID, { ...one.there.copies[0]!, fork: "2" });
    await settle();
    expect([copy.closedWith, one.asked]).toEqual(["1008 refused", []]);
    expect(one.here.metrics.count("authFailures", { surface: "token", reason: "invalid" })).toBe(1);
  });

  it("opens once, and is carried no further", async () => {
    const one = await stage();
    listens(one);
    const [parameters] = one.there.copies;
    one.stream().start(SID, parameters!);
    await settle();
    const second = one.stream();
    second.start(SID, parameters!);
    await settle();
    expect(second.closedWith).toBe("1008 refused");
    const carried = new Socket();
    carried.receiver = one.here.calls.openCarried(carried);
    carried.start(SID, parameters!);
    expect([carried.closedWith, one.asked.length]).toEqual(["1008 refused", 2]);
    // Nor is the stream of a call itself.
    const other = new Socket();
    other.receiver = one.there.calls.openCarried(other);
    other.start(SID, {});
    expect(other.closedWith).toBe("1008 refused");
  });

  it("is not invited by a process that cannot be reached, or does not have the call", async () => {
    const { inviting } = await stage();
    expect(inviting.invite(sid(9))).toBeNull();
    inviting.reachedAt = null;
    expect(inviting.invite(SID)).toBeNull();
  });

  it("whose socket breaks while the way is opened leaves nothing behind", async () => {
    const one = await stage();
    listens(one);
    const copy = one.stream();
    copy.start(SID, one.there.copies[0]!);
    copy.receiver!.closed(1006);
    await settle();
    expect(one.carried[0]!.closed).toEqual(["1000 closed"]);
    expect(one.carried[0]!.sent).toBe(0);
  });
});
