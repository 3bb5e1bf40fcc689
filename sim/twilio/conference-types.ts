/** Conferences as the parts of a simulated Twilio see them. */
import type { CallLeg } from "./call-leg.js";

export interface ParticipantSettings {
  readonly label: string | null;
  muted: boolean;
  hold: boolean;
  /** The CallSid of the only participant who hears this one; null: all hear it. */
  coaches: string | null;
  startOnEnter: boolean;
  endOnExit: boolean;
  readonly waitUrl: string | null;
  readonly callback: { readonly url: string; readonly events: readonly string[] } | null;
}

/** Whether two participants are connected, so that the listener hears the other one unless muted. */
export function isConnected(listener: Participant, other: Participant): boolean {
  if (other === listener || listener.settings.hold || other.settings.hold) return false;
  const { coaches } = other.settings;
  return coaches === null || coaches === listener.leg.sid;
}

/** Whether a participant hears another one, as far as their settings say. */
export const hears = (listener: Participant, other: Participant): boolean =>
  isConnected(listener, other) && !other.settings.muted;

export type LeaveReason =
  | "conference_ended_via_api"
  | "moderator_ended_conference"
  | "participant_updated_via_api"
  | "participant_hung_up";

export interface Participant {
  readonly leg: CallLeg;
  readonly settings: ParticipantSettings;
  readonly left: (reason: LeaveReason) => void;
}

export interface Conference {
  readonly sid: string;
  /** `FriendlyName`. */
  readonly name: string;
  status: "init" | "in-progress" | "completed";
  readonly participants: Map<string, Participant>;
  readonly createdAt: Date;
  /** Of the first participant; the others' are ignored. */
  callback: ParticipantSettings["callback"] | undefined;
  sequence: number;
  /** While a participant is connected by SIP. */
  mixer: { stop(): void } | null;
  /** Participants hear music while they wait for the conference to begin. */
  waitSound: boolean;
  /** Announcements that play now. */
  announcing: number;
  /** Participants to be, whose ringing the others hear. */
  ringing: number;
}

export interface ConferenceRegistry {
  /** All conferences, ended ones too, newest last. */
  readonly all: readonly Conference[];
  /** A live conference by SID or friendly name. */
  find(sidOrName: string): Conference | undefined;
  findOrCreate(name: string): Conference;
  /** Resolves when the leg has left, for whatever reason. */
  join(
    leg: CallLeg,
    name: string,
    settings: ParticipantSettings,
    signal: AbortSignal,
  ): Promise<LeaveReason>;
  leave(conference: Conference, leg: CallLeg, reason: LeaveReason): void;
  end(conference: Conference, reason: LeaveReason, why: string, by?: CallLeg | null): void;
  /** hold, mute and the like, changed by REST. */
  change(
    conference: Conference,
    participant: Participant,
    change: Partial<Pick<ParticipantSettings, "hold" | "muted" | "endOnExit" | "coaches">>,
  ): void;
  /** A key of one participant reaches those who are connected by SIP. */
  key(by: CallLeg, digit: string): void;
  /** A document read out to all. */
  holdDocument(conference: Conference, url: string): Promise<void>;
  announce(conference: Conference, url: string): Promise<void>;
  /** One whose ringing the participants hear (early media). @returns how to end it; idempotent. */
  ringingIn(conference: Conference): () => void;
  /** Something about this leg has changed that the connection log should know. */
  noteLeg(leg: CallLeg): void;
}
