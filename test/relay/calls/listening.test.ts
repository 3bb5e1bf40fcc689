import { describe, expect, it } from "vitest";
import type { PeerConnection } from "../../../src/ports/sockets.js";
import type { PeerReply, PeerRequest } from "../../../src/relay/calls/cluster.js";
import type { OpenListening } from "../../../src/relay/calls/listen-service.js";
import { Listening, type ListeningParts } from "../../../src/relay/calls/listening.js";
import { agent, CallBench, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { SID, sipBench, talking } from "../../fakes/sip-bench.js";

const socket = { send: () => undefined, bufferedBytes: () => 0, close: () => undefined };
const URL_THERE = "http://10.0.0.2:9464";

function listeningOf(
  registry: ListeningParts["registry"],
  more: Partial<ListeningParts> = {},
): Listening {
  return new Listening({
    node: "node-1",
    registry,
    clock: new FakeClock(),
    nodeOf: async () => null,
    cluster: null,
    peers: { dial: async () => null },
    ...more,
  });
}

function opened(found: object): OpenListening {
  if (!("join" in found)) throw new Error(JSON.stringify(found));
  return found as OpenListening;
}

describe("listening", () => {
  it("is possible to a call on a Media Stream, until it is over", async () => {
    const bench = new CallBench(agent());
    const { stream } = await bench.talk();
    const listening = listeningOf(bench.registry);
    expect(await listening.refusal(sid(1))).toBeNull();
    const early = opened(await listening.open(sid(1), "ada"));
    expect(early.join(socket)).not.toBeNull();
    for (let n = 1; n < 16; n++) opened(listening.openHere(sid(1), "ada")).join(socket);
    expect(await listening.refusal(sid(1))).toEqual({ reason: "too_many_listeners" });
    expect(await listening.open(sid(1), "ada")).toEqual({ reason: "too_many_listeners" });
    stream.stop(sid(1));
    bench.run(4_000);
    expect(await listening.refusal(sid(1))).toEqual({ reason: "not_found" });
    // The call ended while the listener was being let in.
    expect(early.join(socket)).toBeNull();
  });

  it("asks Twilio for the audio of a call on the SIP path", async () => {
    const bench = sipBench();
    await talking(bench);
    const listening = listeningOf(bench.registry);
    expect(await listening.refusal(SID)).toBeNull();
    const receiver = opened(await listening.open(SID, "ada")).join(socket);
    expect(bench.twilio.at(-1)).toBe(`startStream ${SID} wss://relay.test/media-stream 1`);
    receiver!.closed(1000);
  });

  it("is not possible to a call from a trunk, which Twilio's REST does not know", async () => {
    const path = { listeners: null };
    const registry = { find: () => ({ path }) } as unknown as ListeningParts["registry"];
    const listening = listeningOf(registry);
    expect(await listening.refusal(SID)).toEqual({ reason: "path" });
    expect(await listening.open(SID, "ada")).toEqual({ reason: "path" });
  });
});

describe("listening to a call of another process", () => {
  const connection: PeerConnection = {
    begin: () => undefined,
    send: () => undefined,
    bufferedBytes: () => 0,
    close: () => undefined,
  };

  /** @param reply  of the process with the call; null: none answers. */
  function stage(reply: PeerReply | null, reached: boolean, node: string | null = "node-2") {
    const asked: PeerRequest[] = [];
    const dialled: string[] = [];
    const listening = listeningOf(new CallBench().registry, {
      nodeOf: async () => node,
      cluster: {
        ask: async (_, request) => {
          asked.push(request);
          return reply;
        },
      },
      peers: {
        dial: async (url, callSid, purpose, ticket) => {
          dialled.push(`${url} ${callSid} ${purpose} ${ticket}`);
          return reached ? connection : null;
        },
      },
    });
    return { listening, asked, dialled };
  }

  it("asks that process, with the operator's name, and connects to it with its ticket", async () => {
    const there = stage({ kind: "listen", node: "node-2", url: URL_THERE, ticket: "t" }, true);
    expect(await there.listening.refusal(sid(1))).toBeNull();
    expect(opened(await there.listening.open(sid(1), "ada")).join(socket)).not.toBeNull();
    expect(there.asked).toEqual([{ kind: "listen", by: "ada" }]);
    expect(there.dialled).toEqual([`${URL_THERE} ${sid(1)} listen t`]);
  });

  it.each<[string, PeerReply | null, boolean, string | null, object]>([
    [
      "it refuses",
      { kind: "listen_refused", refusal: { reason: "path" } },
      true,
      "node-2",
      { reason: "path" },
    ],
    [
      "it cannot be connected to",
      { kind: "listen", node: "node-2", url: URL_THERE, ticket: "t" },
      false,
      // Its record is not written yet.
      null,
      { reason: "elsewhere", node: "node-2" },
    ],
    ["it does not answer", null, true, "node-2", { reason: "elsewhere", node: "node-2" }],
    ["there is none", null, true, null, { reason: "not_found" }],
  ])("is refused where %s", async (_, reply, reached, node, refusal) => {
    const { listening } = stage(reply, reached, node);
    expect(await listening.open(sid(1), "ada")).toEqual(refusal);
  });

  it("is let in once by a ticket, for ten seconds and for one call", async () => {
    const bench = new CallBench(agent());
    await bench.talk();
    const clock = new FakeClock();
    const listening = listeningOf(bench.registry, { clock });
    // Until it is known where this process is reached, no one is invited.
    expect(listening.invite(sid(1), "ada")).toBeNull();
    listening.reachedAt = URL_THERE;
    const ticket = () => {
      const reply = listening.invite(sid(1), "ada");
      if (reply?.kind !== "listen") throw new Error("no ticket");
      expect([reply.node, reply.url]).toEqual(["node-1", URL_THERE]);
      return reply.ticket;
    };
    const first = ticket();
    expect(listening.redeem(sid(1), first)).toBe("ada");
    expect(listening.redeem(sid(1), first)).toBeNull();
    expect(listening.redeem(sid(2), ticket())).toBeNull();
    const late = ticket();
    clock.advance(10_001);
    expect(listening.redeem(sid(1), late)).toBeNull();
    expect(listening.invite(sid(9), "ada")).toEqual({
      kind: "listen_refused",
      refusal: { reason: "not_live" },
    });
  });
});
