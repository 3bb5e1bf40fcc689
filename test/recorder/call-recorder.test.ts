import { describe, expect, it } from "vitest";
import type { UpstreamSocketEvents } from "../../src/ports/sockets.js";
import { flightRecorder } from "../../src/recorder/call-recorder.js";
import type { CallDeps, CallHost } from "../../src/relay/call/call-deps.js";
import type { CallState } from "../../src/relay/call/call-events.js";
import type { CallTools, ToolHost } from "../../src/relay/call/call-tools.js";
import type { SessionRequest } from "../../src/relay/model/model-session.js";
import { agent, sid } from "../fakes/call-bench.js";
import { FakeClock } from "../fakes/fake-clock.js";

const PARTIES = {
  callSid: sid(1),
  from: "+15550001111",
  to: "+15550002222",
  direction: "inbound",
  callToken: "secret-token",
} as const;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (json: string) => new TextEncoder().encode(json);

/** A recorder over a fake clock; `lines` are what it wrote, the header first. */
function recording() {
  const clock = new FakeClock(1_000);
  const lines: Record<string, unknown>[] = [];
  let isClosed = false;
  let toolHost: ToolHost | null = null;
  let request: SessionRequest | null = null;
  const deps = {
    clock,
    node: "n1",
    leadMs: 160,
    uplinkPtimeMs: 20,
    uplinkIdlePtimeMs: 100,
    upstreamTimeoutMs: 5_000,
    maxCallMinutes: 55,
    lookUp: async () => ({ name: "Ada", language: null, notes: null, openCases: [] }),
    price: () => 0.5,
    transcriptionPrice: () => null,
    tools: (host: ToolHost): CallTools => {
      toolHost = host;
      const idle = () => {};
      return { specs: [], run: idle, replied: idle, cancelRunning: () => [], cancel: () => [] };
    },
    models: {
      open: (asked: SessionRequest) => {
        request = asked;
      },
    },
  } as unknown as CallDeps;
  const sink = {
    line: (json: string) => void lines.push(JSON.parse(json)),
    close: () => {
      isClosed = true;
    },
  };
  const profile = agent({ tools: [{ name: "t" }] as unknown as ReturnType<typeof agent>["tools"] });
  const tap = flightRecorder(() => sink, "1.2.3").record(PARTIES, profile, deps);
  if (tap === null) throw new Error("not recorded");
  return {
    clock,
    lines,
    tap,
    deps: tap.deps(deps),
    isClosed: () => isClosed,
    toolHost: () => toolHost,
    request: () => request,
    /** What was written since. */
    since: (run: () => void) => {
      const before = lines.length;
      run();
      return lines.slice(before);
    },
  };
}

describe("the flight recorder", () => {
  it("records no call that no recording is opened for", () => {
    const recorder = flightRecorder(() => null, "1.2.3");
    expect(recorder.record(PARTIES, agent(), {} as CallDeps)).toBeNull();
  });

  it("begins with the agent as it is, and without secrets", () => {
    const { lines } = recording();
    expect(lines).toMatchObject([
      {
        at: 0,
        is: "call",
        format: 1,
        murelay: "1.2.3",
        asksCrm: true,
        parties: { from: "+15550001111", callToken: null },
        agent: { name: "support", tools: [], languages: [] },
        settings: { leadMs: 160, maxCallMinutes: 55 },
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain("secret-token");
  });

  it.each([
    ["JSON, as it came", '{"a": 1.0}', { message: { a: 1 } }],
    ["JSON on several lines", '{"a":\r\n1}', { message: { a: 1 } }],
    ["what is no JSON, as bytes", "hello\n", { bytes: Buffer.from("hello\n").toString("base64") }],
  ])("keeps a message of the phone: %s", (_, message, kept) => {
    const { tap, since } = recording();
    const seen: string[] = [];
    const written = since(() => tap.phoneSaid(bytes(message), () => void seen.push("handled")));
    expect([written, seen]).toEqual([[{ at: 0, in: "phone", ...kept }], ["handled"]]);
  });

  it("lets the call's clock stand still while something is being dealt with", () => {
    const { tap, deps, clock, since } = recording();
    clock.advance(10);
    const written = since(() => {
      tap.phoneSaid(bytes("{}"), () => {
        clock.advance(7);
        expect(deps.clock.nowMs()).toBe(1_010);
        tap.toPhone(bytes('{"event":"clear"}'));
      });
      tap.closesPhone(1000);
    });
    expect(written.map(({ at }) => at)).toEqual([10, 10, 17]);
  });

  it("records a timer when it goes off, or when it is cancelled before", () => {
    const { deps, clock, since } = recording();
    const fired: string[] = [];
    const written = since(() => {
      const first = deps.clock.after(100, () => void fired.push("first"));
      const second = deps.clock.after(100, () => void fired.push("second"));
      clock.advance(50);
      second.cancel();
      second.cancel();
      clock.advance(50);
      first.cancel();
    });
    expect(fired).toEqual(["first"]);
    expect(written).toEqual([
      { at: 50, is: "cancelled", timer: "100 ms #2" },
      { at: 100, in: "clock", event: "timer", timer: "100 ms #1" },
    ]);
  });

  it("records the ticks that stand in for frames", () => {
    const { tap, clock, since } = recording();
    clock.advance(33);
    const ticks: number[] = [];
    const written = since(() => tap.tick((nowMs) => void ticks.push(nowMs)));
    expect([written, ticks]).toEqual([[{ at: 33, in: "clock", event: "tick" }], [1_033]]);
  });

  it("leaves the caller's token out of a handoff", () => {
    const { tap, since } = recording();
    const handoff = { returning: true, callToken: "secret-token" };
    const command = { type: "resume_from", handoff } as Parameters<typeof tap.command>[0];
    expect(since(() => tap.command(command))).toEqual([
      { at: 0, in: "command", type: "resume_from", handoff: { returning: true, callToken: null } },
    ]);
  });

  it("records what the call's neighbours answer", async () => {
    const { deps, toolHost, lines } = recording();
    await deps.lookUp?.({ callSid: sid(1), from: "", to: "" });
    deps.price("m", {} as Parameters<CallDeps["price"]>[1]);
    deps.transcriptionPrice("m", {} as Parameters<CallDeps["transcriptionPrice"]>[1]);
    const said: string[] = [];
    deps.tools({ say: (what: string) => void said.push(what) } as unknown as ToolHost);
    toolHost()?.say("One moment.");
    expect(lines.slice(1)).toMatchObject([
      { in: "crm", profile: { name: "Ada" } },
      { in: "price", usd: 0.5 },
      { in: "transcription_price", usd: null },
      { is: "tools", specs: [] },
      { in: "tools", event: "announce", text: "One moment." },
    ]);
    expect(said).toEqual(["One moment."]);
  });
});

describe("the flight recorder at the model's socket", () => {
  function dialled() {
    const flight = recording();
    flight.deps.models.open({} as SessionRequest);
    const sent: string[] = [];
    let events: UpstreamSocketEvents | null = null;
    const dialer = flight.request()!.tap!.dialer({
      dial: (_, given) => {
        events = given;
        return {
          send: (message) => void sent.push(text(message)),
          bufferedBytes: () => 3,
          close: () => void sent.push("closed"),
        };
      },
    });
    const happened: string[] = [];
    const dial = () =>
      dialer.dial("wss://model", {
        opened: () => void happened.push("opened"),
        message: (message) => void happened.push(text(message)),
        closed: ({ code }) => void happened.push(`closed ${code}`),
      });
    return { ...flight, sent, happened, dial, events: () => events! };
  }

  it("numbers the legs, and passes everything on unchanged", () => {
    const { dial, events, sent, happened, lines } = dialled();
    dial();
    const socket = dial();
    events().opened();
    events().message(bytes('{"type":"x"}'));
    socket.send(bytes('{"type":"y"}'));
    socket.close(1000, "done");
    events().closed({ code: 1006, reason: "", httpStatus: null });
    expect([sent, happened]).toEqual([
      ['{"type":"y"}', "closed"],
      ["opened", '{"type":"x"}', "closed 1006"],
    ]);
    expect(lines.slice(1)).toMatchObject([
      { out: "model", leg: 1, event: "dial" },
      { out: "model", leg: 2, event: "dial", url: "wss://model" },
      { in: "model", leg: 2, event: "opened" },
      { in: "model", leg: 2, message: { type: "x" } },
      { out: "model", leg: 2, message: { type: "y" } },
      { out: "model", leg: 2, event: "close", code: 1000 },
      { in: "model", leg: 2, event: "closed", failure: { code: 1006 } },
    ]);
    expect(socket.bufferedBytes()).toBe(3);
  });

  it("writes no secret of an MCP server, though the model gets it", () => {
    const { dial, sent, lines } = dialled();
    const tool = { type: "mcp", server_label: "shop", authorization: "Bearer 4711" };
    dial().send(bytes(JSON.stringify({ type: "session.update", session: { tools: [tool] } })));
    expect(sent[0]).toContain("4711");
    expect(JSON.stringify(lines)).not.toContain("4711");
  });
});

describe("the flight recorder at the call's host", () => {
  type AnyCall = { readonly state: CallState };
  const ENDED = { state: { name: "ended", outcome: "completed", reason: "bye" } } as AnyCall;

  function hosted(handOver: (tap: ReturnType<typeof recording>["tap"]) => void) {
    const flight = recording();
    const host = flight.tap.host({
      handOver: () => handOver(flight.tap),
      ended: () => {},
    } as unknown as CallHost<AnyCall>);
    return { ...flight, host };
  }
  const request = { destination: "desk" } as Parameters<CallHost<AnyCall>["handOver"]>[1];

  it("notes that a host has returned only where it did something to the call", () => {
    const idle = hosted(() => {});
    expect(idle.since(() => idle.host.handOver(ENDED, request))).toEqual([
      { at: 0, out: "host", event: "hand_over", request },
    ]);
    const busy = hosted((tap) => tap.command({ type: "moved" }));
    expect(busy.since(() => busy.host.handOver(ENDED, request))).toMatchObject([
      { out: "host", event: "hand_over" },
      { in: "command", type: "moved" },
      { is: "returned", from: "hand_over" },
    ]);
  });

  it("closes the recording with the call's end", () => {
    const { host, since, isClosed } = hosted(() => {});
    expect(since(() => host.ended(ENDED))).toEqual([
      { at: 0, out: "host", event: "ended", outcome: "completed", reason: "bye" },
    ]);
    expect(isClosed()).toBe(true);
  });
});
