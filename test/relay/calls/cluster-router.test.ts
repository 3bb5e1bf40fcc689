import { describe, expect, it } from "vitest";
import { supervisorEnd } from "../../../src/relay/call/call-command.js";
import { PLAIN } from "../../../src/relay/calls/callback-link.js";
import type { PeerReply, PeerRequest } from "../../../src/relay/calls/cluster.js";
import { ClusterRouter } from "../../../src/relay/calls/cluster-router.js";
import type { Twiml } from "../../../src/wire/twiml.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";
import { Told } from "../../fakes/told.js";

const HERE: Twiml = [{ verb: "hangup" }];
const THERE: Twiml = [{ verb: "pause", seconds: 1 }];
const FORM = { CallSid: sid(1) };
const END = supervisorEnd("ada");
const INVITED: PeerReply = { kind: "listen", node: "node-2", url: "http://[::1]:1", ticket: "t" };

const CARRIED: PeerReply = { kind: "stream", node: "node-2", url: "http://[::1]:1", ticket: "t" };

/** @param reply  what the process answers that has the call; null: there is none. */
function stage(isKnown: boolean, reply: PeerReply | null = null) {
  const told = new Told();
  const asked: PeerRequest[] = [];
  const calls = {
    knows: () => isKnown,
    connectEnded: told.keep("connectEnded", Promise.resolve(HERE)),
    transferStatus: told.keep("transferStatus", Promise.resolve(HERE)),
    callback: told.keep("callback"),
    execute: told.keep("execute", Promise.resolve("not_live")),
    invited: told.keep("invited", Promise.resolve()),
    handoff: told.keep("handoff", null),
    moved: told.keep("moved"),
  };
  const cluster = {
    ask: async (_: string, request: PeerRequest) => {
      asked.push(request);
      return reply;
    },
  };
  const log = new FakeLog();
  type Parts = ConstructorParameters<typeof ClusterRouter>;
  const router = new ClusterRouter(
    calls as unknown as Parts[0],
    cluster,
    { invite: told.keep("invite", INVITED) as () => PeerReply },
    { invite: told.keep("carry", CARRIED) as () => PeerReply },
    log,
  );
  return { router, calls, told, asked, log };
}

describe("a webhook of a call", () => {
  it.each([
    ["known here", true, { kind: "twiml", twiml: THERE }, HERE, 0],
    ["known to another process", false, { kind: "twiml", twiml: THERE }, THERE, 1],
    ["of a dead process", false, null, HERE, 1],
  ] as const)(
    "%s is answered by the process that has it",
    async (_, isKnown, reply, twiml, asks) => {
      const { router, asked } = stage(isKnown, reply);
      expect(await router.connectEnded(FORM)).toBe(twiml);
      expect(await router.transferStatus(FORM, PLAIN)).toBe(twiml);
      expect(asked).toHaveLength(2 * asks);
    },
  );

  it("that names no call is answered here", async () => {
    const { router, asked } = stage(false, { kind: "twiml", twiml: THERE });
    expect(await router.connectEnded({})).toBe(HERE);
    expect(asked).toEqual([]);
  });
});

describe("a callback", () => {
  it.each([
    ["call-status", false, { kind: "done" }, false, 1],
    ["amd-status", false, { kind: "done" }, false, 1],
    ["conference-events", false, { kind: "done" }, false, 1],
    ["call-status", false, null, true, 1],
    ["call-status", true, { kind: "done" }, true, 0],
    // Right anywhere: records and recordings are shared.
    ["recording-status", false, { kind: "done" }, true, 0],
    ["stream-status", false, { kind: "done" }, true, 0],
  ] as const)(
    "%s (call known here: %s; the other answers %j) is taken here: %s",
    async (kind, isKnown, reply, isTaken, asks) => {
      const { router, told, asked } = stage(isKnown, reply);
      router.callback(kind, FORM, PLAIN);
      await settle();
      expect([told.lines.includes(`callback ${kind}`), asked.length]).toEqual([isTaken, asks]);
    },
  );
});

describe("a command", () => {
  it("is carried out by the process that has the call, and its refusal comes back", async () => {
    const elsewhere = stage(false, { kind: "refusal", refusal: null });
    expect(await elsewhere.router.execute(sid(1), END)).toBeNull();
    expect(await stage(true).router.execute(sid(1), END)).toBe("not_live");
    expect(await stage(false).router.execute(sid(1), END)).toBe("not_live");
  });
});

describe("a request of another process", () => {
  it("whether the call is known is answered without a look at it", async () => {
    for (const isKnown of [true, false]) {
      const { router, told } = stage(isKnown);
      const reply = isKnown ? { kind: "done" } : null;
      expect(await router.answer(sid(1), { kind: "known" })).toEqual(reply);
      expect(told.lines).toEqual([]);
    }
  });

  it.each<[PeerRequest, PeerReply | null, string]>([
    [{ kind: "connect_ended", form: FORM }, { kind: "twiml", twiml: HERE }, "connectEnded"],
    [
      { kind: "transfer_status", form: FORM, link: PLAIN },
      { kind: "twiml", twiml: HERE },
      "transferStatus",
    ],
    [
      { kind: "callback", callback: "call-status", form: FORM, link: PLAIN },
      { kind: "done" },
      "callback call-status",
    ],
    [{ kind: "command", command: END }, { kind: "refusal", refusal: "not_live" }, "execute"],
    [{ kind: "sip_invited", invite: {} } as unknown as PeerRequest, { kind: "done" }, "invited"],
    [{ kind: "listen", by: "ada" }, INVITED, "invite"],
    [{ kind: "stream" }, CARRIED, "carry"],
    [{ kind: "stream_elsewhere" }, null, "handoff"],
  ])("is answered where the call is known: %j", async (request, reply, line) => {
    const { router, told } = stage(true);
    expect(await router.answer(sid(1), request)).toEqual(reply);
    expect(told.lines[0]?.startsWith(line)).toBe(true);
    const unknown = stage(false);
    expect(await unknown.router.answer(sid(1), request)).toBeNull();
    expect(unknown.told.lines).toEqual([]);
  });

  it("of a kind that only a newer version knows has no answer", async () => {
    const request = { kind: "levitate" } as unknown as PeerRequest;
    expect(await stage(true).router.answer(sid(1), request)).toBeNull();
  });

  it("that fails is logged here, and the other process goes on as if there were none", async () => {
    const { router, calls, log } = stage(true);
    calls.connectEnded = () => Promise.reject(new Error("fault"));
    expect(await router.answer(sid(1), { kind: "connect_ended", form: FORM })).toBeNull();
    expect(log.lines).toEqual([expect.stringContaining("error cluster: peer request failed")]);
  });
});
