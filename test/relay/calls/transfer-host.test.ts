import { describe, expect, it } from "vitest";
import type { CallSid } from "../../../src/domain/ids.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import type { CallCommand } from "../../../src/relay/call/call-command.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import type { RelayCall } from "../../../src/relay/calls/registry.js";
import { CallTransferHost, type TransferOwner } from "../../../src/relay/calls/transfer-host.js";
import type { KeptTransfer, TransferredCall } from "../../../src/relay/calls/transfer-service.js";
import { readLink, type TransferLink } from "../../../src/transfer/transfer-link.js";
import { beginTransfer } from "../../../src/transfer/transfer-state.js";
import type { Twiml } from "../../../src/wire/twiml.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { request } from "../../transfer/document-parts.js";

const ARRIVAL: Twiml = [{ verb: "pause", seconds: 1 }];
const FAILURE = { destination: "desk", outcome: "busy", refusal: null } as const;

function bench(
  path: Partial<TransferredCall["path"]> | null,
  owner: Partial<TransferOwner> = {},
  room = true,
  isOurs = false,
) {
  const clock = new FakeClock();
  const written: RecordEvent[] = [];
  const commands: CallCommand[] = [];
  const kept: KeptTransfer[] = [];
  const released: CallSid[] = [];
  const log = new FakeLog();
  const journal = { write: (_callSid: unknown, event: RecordEvent) => void written.push(event) };
  const call: TransferredCall = {
    parties: {
      callSid: sid(1),
      from: "+12025550100",
      to: "+12025550199",
      direction: "inbound",
      callToken: null,
    },
    agent: agent(),
    eventLog: new CallEventLog(sid(1), journal, () => clock.nowMs()),
    language: "en",
    path: {
      name: "media-stream",
      hasStream: true,
      agentIsHere: false,
      arrivalTwiml: () => ARRIVAL,
      ...path,
    },
    execute: (command) => void commands.push(command),
  };
  const host = new CallTransferHost(
    {
      callSid: sid(1),
      agent: agent(),
      call: path === null ? null : call,
      form: {},
      openedEpochMs: null,
      agentFailed: false,
      ...owner,
    },
    {
      calls: {
        find: () => (isOurs ? ({} as RelayCall) : undefined),
        takeBack: () => (room ? call : null),
      },
      clock,
      log: log,
      journal,
      states: { keep: (_callSid, transfer) => void kept.push(transfer) },
      cluster: { release: (callSid) => void released.push(callSid) },
      publicUrl: "https://relay.test",
    },
  );
  return { clock, host, written, commands, kept, released, lines: log.lines };
}

describe("what a transfer does to its call", () => {
  it("gives Twilio URLs that come back to it", () => {
    const link: TransferLink = {
      call: sid(1),
      agent: "support",
      first: "desk",
      step: 0,
      revision: 4,
      attempt: 0,
      by: "key",
      page: "wait",
    };
    const url = new URL(bench({}).host.url("/transfer-status", link));
    expect(url.origin + url.pathname).toBe("https://relay.test/transfer-status");
    expect(readLink(Object.fromEntries(url.searchParams))).toEqual(link);
  });

  it("writes to the call's record, on the call's clock", () => {
    const { clock, host, written } = bench({});
    clock.advance(1_500);
    expect(host.atMs()).toBe(1_500);
    host.journal({ type: "transfer_step", atMs: host.atMs(), step: "redirect", detail: "desk" });
    expect(written).toEqual([
      { type: "transfer_step", atMs: 1_500, step: "redirect", detail: "desk" },
    ]);
  });

  it("stores its state with what another process needs to place it in time", () => {
    const { clock, host, kept } = bench({});
    const openedEpochMs = clock.epochMs();
    clock.advance(2_000);
    const state = beginTransfer([], "agent");
    host.persist({ version: 2, request: request(), state });
    const times = { openedEpochMs, keptEpochMs: openedEpochMs + 2_000 };
    expect(kept).toEqual([{ version: 2, request: request(), state, agent: "support", ...times }]);
  });

  it("brings the caller back to an agent that is told once why", () => {
    const { host, commands } = bench({});
    expect(host.returnTwiml(FAILURE)).toEqual(ARRIVAL);
    expect(host.returnTwiml(FAILURE)).toEqual(ARRIVAL);
    expect(commands).toHaveLength(1);
    expect(commands[0]).toMatchObject({
      type: "tell_model",
      fact: expect.stringContaining("busy"),
    });
  });

  it("reports whether the caller is on a stream", () => {
    expect(bench({ hasStream: true }).host.onStream()).toBe(true);
    expect(bench({ hasStream: false }).host.onStream()).toBe(false);
    expect(bench({ name: "sip", hasStream: false }).host.onStream()).toBeNull();
    expect(bench(null).host.onStream()).toBe(false);
  });

  it("ends the call's transfer, its stream, and the call", () => {
    const { host, commands } = bench({});
    host.closeStream();
    host.ended({ destination: "desk", outcome: "answered", next: "connected" });
    host.lost();
    expect(commands).toEqual([
      { type: "close_stream" },
      { type: "transfer_ended", next: "connected" },
      { type: "caller_gone" },
    ]);
  });

  it("leaves the call to this process, which releases it at the end of the call", () => {
    const { host, released } = bench({}, {}, true, true);
    host.ended({ destination: "desk", outcome: "answered", next: "connected" });
    host.lost();
    expect(released).toEqual([]);
  });

  it("tells an agent that was with the caller all the time, since no document does", () => {
    const { host, commands } = bench({ name: "sip", agentIsHere: true });
    host.ended({ destination: "warm", outcome: "declined", next: "back_to_agent" });
    expect(commands.map(({ type }) => type)).toEqual(["tell_model", "transfer_ended"]);
  });
});

describe("what a transfer does for a call that another process had", () => {
  it("takes the caller over, or apologises where there is no room", () => {
    expect(bench(null).host.returnTwiml(FAILURE)).toEqual(ARRIVAL);
    expect(
      bench(null, {}, false)
        .host.returnTwiml(FAILURE)
        .map(({ verb }) => verb),
    ).toEqual(["say", "hangup"]);
  });

  it("writes to the record by the wall clock when the call's beginning is not known", () => {
    const { clock, host, written } = bench(null);
    host.journal({ type: "transfer_step", atMs: 0, step: "busy", detail: "desk" });
    expect(written[0]).toMatchObject({ step: "busy", epochMs: clock.epochMs() });
  });

  it("counts from the call's beginning when that is known", () => {
    const { clock, host } = bench(null, { openedEpochMs: 0 });
    expect(host.atMs()).toBe(clock.epochMs());
  });

  it.each([
    ["connected", false, { outcome: "transferred", reason: "transferred" }],
    ["apology", false, { outcome: "failed", reason: "transfer_failed" }],
    ["gone", false, { outcome: "abandoned", reason: "caller_hung_up" }],
    ["connected", true, { outcome: "failed", reason: "agent_failed" }],
  ] as const)("ends its record: %s, after a failure of the agent: %s", (next, agentFailed, end) => {
    const { host, written, lines } = bench(null, { agentFailed, openedEpochMs: 0 });
    host.ended({ destination: "desk", outcome: "answered", next });
    expect(written).toMatchObject([{ type: "ended", ...end }]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      `info call: ended {"outcome":"${end.outcome}","reason":"${end.reason}"`,
    );
  });

  it.each([
    ["connected", [sid(1)]],
    ["apology", [sid(1)]],
    ["gone", [sid(1)]],
    ["back_to_agent", []],
  ] as const)("releases the call when it is over: %s", (next, expected) => {
    const { host, released } = bench(null);
    host.ended({ destination: "desk", outcome: "busy", next });
    expect(released).toEqual(expected);
  });

  it("releases the call of a caller who does not come back", () => {
    const lost = bench(null);
    lost.host.lost();
    const full = bench(null, {}, false);
    full.host.returnTwiml(FAILURE);
    expect([lost.released, full.released]).toEqual([[sid(1)], [sid(1)]]);
  });

  it("leaves the record open for a caller who comes back", () => {
    const { host, written } = bench(null, { openedEpochMs: 0 });
    host.ended({ destination: "desk", outcome: "busy", next: "back_to_agent" });
    expect(written).toEqual([]);
  });
});
