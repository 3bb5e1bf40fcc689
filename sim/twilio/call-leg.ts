/** A call leg as the parts of a simulated Twilio see it, and what describes one. */
import type { EventLog } from "../event-log.js";
import type { Network } from "../network.js";
import type { SipCallee } from "../sip/endpoints.js";
import type { CallbackConfig } from "./callback-config.js";
import type { ForkedStream } from "./forked-stream.js";
import type { MediaStream } from "./media-stream.js";
import type { Party } from "./party.js";
import type { Forgery } from "./signature.js";
import type { StreamQuirks } from "./stream-quirks.js";
import type { Voice } from "./voice.js";
import type { Form, Method } from "./web.js";

export type LegStatus =
  | "queued"
  | "ringing"
  | "in-progress"
  | "completed"
  | "busy"
  | "no-answer"
  | "failed"
  | "canceled";

export type RingOutcome = "answered" | "busy" | "no-answer" | "failed" | "canceled";

/** Where a TwiML document comes from. */
export type TwimlSource =
  | { readonly twiml: string; readonly waiting?: boolean }
  | {
      readonly url: string;
      readonly method?: Method;
      readonly form?: Form;
      /** The voice webhook itself. */
      readonly first?: boolean;
      /** A `waitUrl` document. */
      readonly waiting?: boolean;
    };

export interface LegFields {
  readonly sid?: string;
  readonly from: string;
  readonly to: string;
  readonly direction: "inbound" | "outbound-api" | "outbound-dial";
  readonly parentSid?: string | null;
  readonly party: Party;
  /** Extra parameters of every request of this leg. */
  readonly params?: Form;
  readonly callbacks?: CallbackConfig | null;
  readonly fallbackUrl?: string | null;
  readonly quirks?: StreamQuirks;
  /** Between the relay and this leg's streams. Default that of the whole Twilio. */
  readonly network?: Network;
  /** Spoils the signature of the first voice webhook, and of the stream's upgrade. */
  readonly forgeWebhook?: Forgery | null;
  readonly forgeStream?: Forgery | null;
  /** The first answer is lost, so the voice webhook comes twice. */
  readonly repeatWebhook?: boolean;
}

export interface CallLeg {
  readonly sid: string;
  readonly from: string;
  readonly to: string;
  readonly direction: LegFields["direction"];
  readonly parentSid: string | null;
  readonly accountSid: string;
  readonly party: Party;
  readonly fields: LegFields;
  readonly events: EventLog;
  readonly violations: string[];
  /** In order; a call that comes back to the relay has several. */
  readonly streams: MediaStream[];
  /** Started by REST; ended ones included. */
  readonly forks: ForkedStream[];
  readonly voice: Voice;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly answeredAtMs: number | null;
  /** What answering-machine detection found. */
  answeredBy: string | null;
  readonly status: LegStatus;
  readonly over: boolean;
  /** Seconds since the answer. */
  readonly durationS: number;
  /** The model's end, of a leg that was dialled to it. */
  readonly sipCallee: SipCallee | null;
  /** What it hears that no party says: "say", "music", …; null: nothing of the kind. */
  readonly sound: string | null;
  readonly bridgedWith: string | null;
  /** The model speaks on this leg. */
  readonly modelSpeaking: boolean;
  readonly callToken: string;

  press(keys: string): Promise<void>;
  hangUp(): void;
  answer(): void;
  setSound(sound: string | null): void;
  /** Who is at the other end of a `<Dial>` or a stream, or null. */
  setBridgedWith(other: string | null): void;
  /** Tones that Twilio or the other side sends into this leg. */
  hearDigits(digits: string, by: string): void;
  /** Rings the party. @param signal  gives up: canceled. */
  ring(timeoutMs: number, signal: AbortSignal): Promise<RingOutcome>;
  /** Runs a document in place of what runs now: a bridge it is part of breaks. */
  run(source: TwimlSource): void;
  /** Runs a document and comes back. @returns false: the leg was sent elsewhere meanwhile. */
  runWhisper(source: TwimlSource): Promise<boolean>;
  finish(status: LegStatus): void;
  /** Called once when the leg ends. @returns the way to forget it. */
  onEnd(run: () => void): () => void;
  /** Called when REST gives the leg other TwiML. @returns the way to forget it. */
  onMove(run: () => void): () => void;
  violation(text: string): void;
  /** Parameters of every request about this leg. */
  form(more?: Form): Form;
}
