import { expect, vi } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Script, Turn, TurnContext } from "../../sim/model/script.js";
import type { SipCall } from "../../sim/sip/call.js";
import { Trunk } from "../../sim/sip/trunk.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { PlaceCall } from "../../sim/twilio.js";
import type { AgentProfile, Destination } from "../../src/domain/agent-profile.js";
import { failoverAgent } from "../transfer/directory.js";
import { PUBLIC_URL, type Stage, startStage } from "./stage.js";

/** The number of `failoverAgent`'s warm destination. */
export const HUMAN = "+12025550122";
/** No party may be alone on the line and hear nothing for longer. */
export const MOST_ALONE_MS = 2_000;

const GREETING = { text: "Hello.", audio: speechLike(600, 1) };
const BYE = { text: "I fetch a colleague.", audio: speechLike(200, 2) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(200, 3) };
const WAITING = { text: "One moment.", audio: speechLike(200, 4) };
const question = speechLike(500, 5);

export interface SipStage extends Stage {
  readonly trunk: Trunk;
  /** A caller of a number on the SIP path. */
  place(call?: PlaceCall): Leg;
  /** The caller says something that the model answers. */
  ask(call: { say(audio: Uint8Array): Promise<void> }): Promise<void>;
  /** The model's call with this index, once its greeting has been heard to its end. */
  greeted(index?: number): Promise<SipCall>;
  /** When the model has made so many responses, and the last was heard to its end. */
  said(call: SipCall, responses: number): Promise<void>;
  /** Legs to people: neither the caller nor the model. */
  humans(): readonly Leg[];
  /** The first leg to a person, once there is one. */
  human(): Promise<Leg>;
  /** What is not as it should be at the end of a call, in words; empty: all is well. */
  faults(caller: Leg): string[];
}

type Options = NonNullable<Parameters<typeof startStage>[1]>;

/** A greeting, then a tool; a caller who asks twice is transferred to `destination`. */
export function sipScript(destination: string): Script {
  const transfer: Turn = {
    say: BYE,
    calls: [
      {
        name: "transfer_call",
        arguments: {
          destination,
          reason: "asked",
          summary: "Order 4217 is late.",
          urgency: "high",
        },
      },
    ],
  };
  let asked = 0;
  return {
    transcripts: ["Where is my order?", "A human, please."],
    turns: ({ index, cause, outputs }: TurnContext) => {
      if (index === 0) return { say: GREETING };
      if (cause === "vad") {
        asked++;
        return asked > 1
          ? transfer
          : { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] };
      }
      return outputs.some(({ name }) => name === "lookup_order")
        ? { say: ANSWER }
        : { say: WAITING };
    },
  };
}

export function sipAgent(...destinations: readonly string[]): AgentProfile {
  const tools = ["lookup_order", "transfer_call", "end_call"].map((name) => ({
    name,
    description: "",
    parameters: {},
    source: { kind: "builtin" as const },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
  }));
  const ladder = failoverAgent(...destinations);
  // Shorter than in life: the tests do not wait long for a phone that is not answered.
  const quick = [...ladder.transfer.destinations].map(([name, to]): [string, Destination] => [
    name,
    "timeoutS" in to ? { ...to, timeoutS: 2 } : to,
  ]);
  return {
    ...ladder,
    transfer: { ...ladder.transfer, destinations: new Map(quick) },
    tools,
    greeting: GREETING.text,
    transcription: { model: "gpt-live-transcribe", language: null },
  };
}

/** The real relay on the SIP path, between the simulators. */
export async function startSipStage(
  options: Options & { readonly script?: Script; readonly destinations?: readonly string[] } = {},
): Promise<SipStage> {
  const names = options.destinations ?? ["warm"];
  const profile = sipAgent(...names);
  const stage = await startStage(options.script ?? (() => sipScript(names[0]!)), {
    agents: {
      agents: new Map([[profile.name, profile]]),
      numbers: new Map(),
      defaultAgent: profile.name,
    },
    ...options,
    sip: true,
    twilio: {
      voiceUrl: `${PUBLIC_URL}/sip/incoming-call`,
      callees: () => ({ keys: () => "1" }),
      faults: { duplicateCallbacks: true, reorderCallbacks: true },
      ...options.twilio,
    },
  });
  const { model, twilio } = stage;
  const trunk = new Trunk({
    sip: model.sip.invite,
    address: model.sip.address,
    connections: twilio.connections,
  });
  const said = async (call: SipCall, responses: number): Promise<void> => {
    await vi.waitUntil(
      () => {
        const { session } = call;
        const done =
          session?.responses.filter(({ status }) => status !== "in_progress").length ?? 0;
        return done >= responses && session?.active === null && session.playback?.playing === false;
      },
      { timeout: 10_000 },
    );
  };
  const humans = () =>
    twilio.legs.filter((leg) => leg.direction !== "inbound" && leg.sipCallee === null);
  return {
    ...stage,
    trunk,
    place: (call = {}) => twilio.placeCall(call),
    ask: (call) => call.say(question),
    greeted: async (index = 0) => {
      const call = await model.sip.call(index);
      await call.events.until("speaking", { on: false });
      return call;
    },
    said,
    humans,
    human: async () => {
      await vi.waitFor(() => expect(humans().length).toBeGreaterThan(0), { timeout: 10_000 });
      return humans()[0]!;
    },
    faults: (caller) => {
      const out = [...twilio.violations(), ...model.violations()];
      const aloneMs = twilio.connections.longestAloneMs(caller.sid);
      if (aloneMs > MOST_ALONE_MS)
        out.push(
          `the caller was alone and heard nothing for ${Math.round(aloneMs)} ms:\n${twilio.connections.text(caller.sid)}`,
        );
      for (const leg of twilio.legs)
        if (!leg.over) out.push(`the leg to ${leg.to} is still ${leg.status}`);
      for (const call of model.sip.calls)
        if (call.state !== "over") out.push(`the model's call ${call.id} is still ${call.state}`);
      return out;
    },
    close: async () => {
      trunk.close();
      await stage.close();
    },
  };
}

/** A caller who has been greeted, asks, is answered, and asks for a human. */
export async function askForHuman(stage: SipStage) {
  const caller = stage.place();
  const call = await stage.greeted();
  await stage.ask(caller);
  await stage.said(call, 3);
  await stage.ask(caller);
  return { caller, call };
}

/** The call and all its legs have ended. */
export async function sipCallOver(stage: SipStage, callSid: string): Promise<void> {
  await stage.until(callSid, "ended");
  await vi.waitUntil(() => stage.twilio.legs.every((leg) => leg.over), { timeout: 10_000 });
  await stage.twilio.settled();
}
