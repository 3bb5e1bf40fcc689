import { expect } from "vitest";
import type { AgentProfile } from "../../src/domain/agent-profile.js";
import type { CallSid, ItemId, ResponseId } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { BlockPool } from "../../src/playout/block-pool.js";
import type { SipControl } from "../../src/ports/model-rest.js";
import type { CallControl, NewParticipant } from "../../src/ports/twilio.js";
import { MemoryJournal } from "../../src/records/memory-journal.js";
import type { ToolBatch } from "../../src/relay/call/call-tools.js";
import { readCallbackLink } from "../../src/relay/calls/callback-link.js";
import { Calls, type CallsDeps } from "../../src/relay/calls/calls.js";
import type { Cluster, PeerRequest } from "../../src/relay/calls/cluster.js";
import { CallRegistry } from "../../src/relay/calls/registry.js";
import type { TransferredCall, TransferService } from "../../src/relay/calls/transfer-service.js";
import { FrameTicker } from "../../src/relay/media/frame-ticker.js";
import type {
  ModelSession,
  ModelSessionEvents,
  ModelSessionLifecycle,
} from "../../src/relay/model/model-session.js";
import { CALL_HEADER, readInvite } from "../../src/relay/sip/invite.js";
import type { KeptSipCall } from "../../src/relay/sip/sip-states.js";
import type { Twiml } from "../../src/wire/twiml.js";
import { ACCOUNT, agent, sid } from "./call-bench.js";
import { FakeClock } from "./fake-clock.js";
import { FakeMetrics } from "./fake-metrics.js";
import { FakeLog } from "./fake-ports.js";

export const SID = sid(7);
export const FORM = {
  CallSid: SID,
  From: "+15550100001",
  To: "+15550001111",
  CallToken: "token of the call",
};

const CONFERENCE = readCallbackLink({ sip: "conference", call: SID });

/** What the model's side was told, of one sideband. */
export class FakeSideband {
  readonly told: string[] = [];
  readonly tickedMs: number[] = [];
  closed = false;
  /** Nothing is being generated. */
  quiet = true;

  constructor(
    readonly callId: string,
    readonly events: ModelSessionEvents,
    readonly life: ModelSessionLifecycle,
    /** The conversation that it was given. */
    readonly history: readonly object[] = [],
  ) {}

  /** The caller hears a response from its first to its last word. */
  speaks(responseId: string): void {
    const id = responseId as ResponseId;
    this.events.responseStarted(id);
    this.events.agentText(`item-${responseId}` as ItemId, "Hello.", true);
    this.events.playback?.("started", id);
    this.events.responseDone({
      responseId: id,
      status: "completed",
      calls: [],
      spoke: false,
      problem: null,
      retryAfterMs: null,
      textOnly: null,
      mcpCalls: [],
      phase: null,
    });
    this.events.playback?.("stopped", id);
  }

  get session(): ModelSession {
    const self = this;
    const tell =
      (what: string) =>
      (...args: readonly unknown[]) =>
        void this.told.push(`${what} ${JSON.stringify(args)}`);
    return {
      capabilities: { tunesTurnDetection: true, aheadOfRealTime: true },
      append: tell("append"),
      appendUlaw: tell("append"),
      greet: tell("greet"),
      speak: tell("speak"),
      requestResponse: tell("requestResponse"),
      askAgain: tell("askAgain"),
      note: tell("note"),
      callerTyped: tell("callerTyped"),
      toolResults: tell("toolResults"),
      interrupted: tell("interrupted"),
      stopSpeaking: tell("stopSpeaking"),
      update: tell("update"),
      get quiet() {
        return self.quiet;
      },
      lastEventMs: 0,
      probe: tell("probe"),
      callerPaused: tell("callerPaused"),
      callerSilent: tell("callerSilent"),
      tick: (nowMs) => void this.tickedMs.push(nowMs),
      close: () => {
        this.closed = true;
      },
    };
  }
}

export interface SipBenchOptions {
  readonly states?: Map<CallSid, KeptSipCall>;
  readonly ask?:
    | ((callSid: CallSid, question: PeerRequest) => Promise<{ kind: "done" } | null>)
    | null;
  readonly participant?: (
    asked: NewParticipant,
    n: number,
  ) => Promise<{ callSid: CallSid; conferenceSid: string }>;
  readonly accept?: () => Promise<void>;
  readonly redirect?: () => Promise<void>;
  readonly hold?: (change: { readonly hold?: boolean }, who: string) => Promise<void>;
  readonly isOnHold?: (who: string) => Promise<boolean>;
  /** SUPERVISOR_APP_SID. */
  readonly supervisorAppSid?: string;
  /** The way to other processes with calls of theirs. */
  readonly peerStreams?: CallsDeps["peerStreams"];
  readonly clock?: FakeClock;
  readonly profile?: AgentProfile;
  readonly maxCalls?: number;
}

/** One process with calls on the SIP path; its Twilio, its model and its database are lists. */
export function sipBench(options: SipBenchOptions = {}) {
  const clock = options.clock ?? new FakeClock();
  const metrics = new FakeMetrics();
  const events: [CallSid, RecordEvent][] = [];
  const journal = new MemoryJournal({
    onEvent: (callSid, event) => void events.push([callSid, event]),
  });
  const participants: NewParticipant[] = [];
  const twilio: string[] = [];
  /** Parameters of the streams that copy the audio. */
  const copies: Readonly<Record<string, string>>[] = [];
  const openai: string[] = [];
  const sidebands: FakeSideband[] = [];
  const begun: string[] = [];
  const toolRuns: ((batch: ToolBatch) => void)[] = [];
  const states = options.states ?? new Map<CallSid, KeptSipCall>();
  const control: Partial<CallControl> = {
    createParticipant: (asked) => {
      participants.push(asked);
      const n = participants.length;
      return (
        options.participant?.(asked, n) ??
        Promise.resolve({ callSid: sid(100 + n), conferenceSid: "CF1" })
      );
    },
    hangUp: async (callSid) => void twilio.push(`hangUp ${callSid}`),
    removeParticipant: async (_room, who) => void twilio.push(`remove ${who}`),
    startStream: async (callSid, url, parameters) => {
      twilio.push(`startStream ${callSid} ${url} ${parameters["fork"]}`);
      copies.push(parameters);
      return "MZ1";
    },
    stopStream: async (callSid, streamSid) => void twilio.push(`stop ${callSid} ${streamSid}`),
    redirect: async (callSid, twiml) => {
      twilio.push(`redirect ${callSid} ${JSON.stringify(twiml)}`);
      await options.redirect?.();
    },
    updateParticipant: async (_room, who, change) => {
      twilio.push(`update ${who} ${JSON.stringify(change)}`);
      await options.hold?.(change, who);
    },
    isOnHold: async (_room, who) => (await options.isOnHold?.(who)) ?? false,
  };
  const sip: SipControl = {
    accept: async (callId) => {
      openai.push(`accept ${callId}`);
      await options.accept?.();
    },
    reject: async (callId, status) => void openai.push(`reject ${callId} ${status}`),
    refer: async (callId, target) => void openai.push(`refer ${callId} ${target}`),
    hangUp: async (callId) => void openai.push(`hangUp ${callId}`),
  };
  const claimed = new Set<string>();
  const profile = options.profile ?? agent();
  const ask = options.ask ?? null;
  const cluster: Cluster | null =
    ask === null
      ? null
      : {
          join: () => {},
          claim: () => {},
          release: () => {},
          claimOnce: async () => true,
          ask: (callSid, request) => ask(callSid, request),
        };
  const failed = new Map<CallSid, TransferredCall>();
  const transfers: TransferService = {
    begin: (call, request, how) => {
      begun.push(`${call.parties.callSid} ${request.destination} ${request.by}`);
      if (how === "follows") failed.set(call.parties.callSid, call);
    },
    announce: () => {},
    conference: () => {},
    callerGone: () => {},
    status: async () => [],
    callback: () => {},
    documentEnded: () => null,
    whatFollows: async (callSid) => {
      failed.get(callSid)?.execute({ type: "transfer_ended", next: "connected" });
      return failed.has(callSid) ? [{ verb: "say", text: "fallback" }] : [];
    },
    resume: async () => null,
    recover: async () => {},
    fallback: () => [{ verb: "say", text: "fallback" }],
    knows: () => false,
    forget: () => {},
    close: () => {},
  };
  const registry = new CallRegistry({
    machine: null,
    clock,
    metrics: metrics.metrics,
    admission: null,
    maxCalls: options.maxCalls ?? 10,
    trouble: () => null,
  });
  const log = new FakeLog();
  const deps: CallsDeps = {
    agents: {
      agents: new Map([[profile.name, profile]]),
      numbers: new Map(),
      defaultAgent: profile.name,
    },
    registry,
    clock,
    metrics: metrics.metrics,
    log,
    journal,
    node: "n",
    ticker: new FrameTicker(clock, () => {}),
    pool: new BlockPool(),
    leadMs: 160,
    uplinkPtimeMs: 20,
    uplinkIdlePtimeMs: 20,
    upstreamTimeoutMs: 3_000,
    maxCallMinutes: 55,
    lookUp: null,
    price: () => null,
    transcriptionPrice: () => null,
    flights: null,
    admission: null,
    control: control as CallControl,
    recordingStatus: () => {},
    outbound: null,
    cluster,
    peerStreams: options.peerStreams ?? null,
    tools: () => ({
      specs: ["lookup_order", "send_dtmf"].map((name) => ({
        type: "function" as const,
        name,
        description: "",
        parameters: {},
      })),
      run: (_end, done) => void toolRuns.push(done),
      replied: () => {},
      cancelRunning: () => [],
      cancel: () => [],
    }),
    models: {
      open: ({ audio, profile, events, lifecycle, history }) => {
        expect(profile.tools).toMatchObject([{ name: "lookup_order" }]);
        const callId = audio.path === "direct" ? audio.callId : "relayed";
        const sideband = new FakeSideband(callId, events, lifecycle, history);
        sidebands.push(sideband);
        return sideband.session;
      },
    },
    transfers: () => transfers,
    sip: {
      projectId: "proj_1",
      supervisorAppSid: options.supervisorAppSid ?? null,
      sip,
      states: {
        keep: (callSid, call) => void states.set(callSid, call),
        drop: (callSid) => void states.delete(callSid),
        find: async (callSid) => states.get(callSid) ?? null,
      },
      claimOnce: async (key) => !claimed.has(key) && claimed.add(key) !== undefined,
    },
  };
  const calls = new Calls(
    {
      accountSid: ACCOUNT,
      prewarm: true,
      tokenSecrets: ["secret"],
      links: { publicUrl: "https://relay.test", mediaUrl: "wss://relay.test/media-stream" },
    },
    deps,
  );
  return {
    calls,
    registry,
    log,
    clock,
    metrics,
    journal,
    events,
    participants,
    twilio,
    copies,
    openai,
    sidebands,
    begun,
    states,
    toolRuns,
  };
}

export type SipBench = ReturnType<typeof sipBench>;

/** Everything that was promised and not waited for. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

/** Waits out what takes time in the process. */
export async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 100) {
    await settle();
    clock.advance(100);
  }
  await settle();
}

/** Twilio tells of the caller's conference. */
export function conference({ calls }: SipBench, form: Record<string, string>): void {
  calls.callback("conference-events", form, CONFERENCE);
}

export function joined(bench: SipBench): void {
  conference(bench, {
    StatusCallbackEvent: "participant-join",
    ParticipantLabel: "customer",
    CallSid: SID,
  });
}

/** Twilio tells of the model's leg. */
export function legStatus({ calls }: SipBench, leg: number, form: Record<string, string>): void {
  calls.callback("call-status", form, { kind: "model_leg", call: SID, leg });
}

/** Twilio asks what follows the caller's conference. */
export function conferenceOver({ calls }: SipBench, form: Record<string, string>): Promise<Twiml> {
  return calls.transferStatus(form, CONFERENCE);
}

/** The INVITE of a participant that was added, as OpenAI tells of it. */
export function invite(participant: NewParticipant | undefined, callId = "rtc_1") {
  const header = new URL(participant?.to ?? "").searchParams.get(CALL_HEADER) ?? "";
  return readInvite({
    type: "realtime.call.incoming",
    callId,
    mediaSecurity: "srtp",
    headers: [{ name: CALL_HEADER.toLowerCase(), value: header }],
  });
}

export async function talking(b: SipBench): Promise<FakeSideband> {
  await b.calls.incomingSip(FORM);
  joined(b);
  await settle();
  await b.calls.invited(invite(b.participants[0]));
  await settle();
  b.sidebands[0]?.life.ready();
  await settle();
  const [sideband] = b.sidebands;
  if (sideband === undefined) throw new Error("no sideband");
  return sideband;
}
