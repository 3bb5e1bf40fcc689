/** The lines of a flight recording. Types only; docs/replay.md says it in words. */

import type {
  AgentProfile,
  Destination,
  LanguageProfile,
  TransferSettings,
} from "../domain/agent-profile.js";
import type { CallParties } from "../domain/call-parties.js";
import type { ToolCallId } from "../domain/ids.js";
import type { CallOutcome } from "../domain/record-event.js";
import type { TransferRequest } from "../domain/transfer-request.js";
import type { CallerProfile } from "../ports/crm.js";
import type { UpstreamClose } from "../ports/sockets.js";
import type { CallCommand } from "../relay/call/call-command.js";
import type { ToolBatch } from "../relay/call/call-tools.js";
import type { SessionTool } from "../relay/model/model-session.js";

/** Milliseconds since the call's beginning in the process that wrote the line. */
interface Stamped {
  readonly at: number;
}

/** Maps are written as pairs; the addresses and secrets of tools are left out. */
export type FlightAgent = Omit<AgentProfile, "languages" | "transfer"> & {
  readonly languages: readonly (readonly [string, LanguageProfile])[];
  readonly transfer: Omit<TransferSettings, "destinations"> & {
    readonly destinations: readonly (readonly [string, Destination])[];
  };
};

export interface FlightSettings {
  readonly leadMs: number;
  readonly uplinkPtimeMs: number;
  readonly uplinkIdlePtimeMs: number;
  readonly upstreamTimeoutMs: number;
  readonly maxCallMinutes: number;
}

/** The first line, and again after another process, or the same one anew, took the call over. */
export interface FlightHeader extends Stamped {
  readonly is: "call";
  readonly format: 1;
  /** Version that wrote it. */
  readonly murelay: string;
  readonly node: string;
  /** Wall clock at `at` 0. */
  readonly epochMs: number;
  readonly asksCrm: boolean;
  readonly parties: CallParties;
  readonly agent: FlightAgent;
  readonly settings: FlightSettings;
}

/** From outside. */
export type FlightInput = Stamped &
  (
    | { readonly in: "phone"; readonly event: "started"; readonly streamSid: string }
    | { readonly in: "phone"; readonly event: "closed"; readonly code: number }
    | { readonly in: "phone"; readonly event: "message"; readonly message: Uint8Array }
    | { readonly in: "model"; readonly leg: number; readonly event: "opened" }
    | {
        readonly in: "model";
        readonly leg: number;
        readonly event: "closed";
        readonly failure: UpstreamClose;
      }
    | {
        readonly in: "model";
        readonly leg: number;
        readonly event: "message";
        readonly message: Uint8Array;
      }
    /** The ticker stood in for frames that did not come. */
    | { readonly in: "clock"; readonly event: "tick" }
    | { readonly in: "clock"; readonly event: "timer"; readonly timer: string }
    | { readonly in: "crm"; readonly profile: CallerProfile | null }
    | { readonly in: "price"; readonly usd: number | null }
    | { readonly in: "transcription_price"; readonly usd: number | null }
    | { readonly in: "tools"; readonly event: "announce"; readonly text: string }
    | {
        readonly in: "tools";
        readonly event: "started";
        readonly callId: ToolCallId;
        readonly sayWhileWaiting: string | null;
      }
    | { readonly in: "tools"; readonly event: "ended"; readonly callId: ToolCallId }
    | { readonly in: "tools"; readonly event: "set_language"; readonly language: string }
    | { readonly in: "tools"; readonly event: "send_dtmf"; readonly digits: string }
    | {
        readonly in: "tools";
        readonly event: "done";
        readonly calls: readonly string[];
        readonly batch: ToolBatch;
      }
    | ({ readonly in: "command" } & CallCommand)
  );

/** What the relay did. Messages are parsed JSON. */
export type FlightOutput = Stamped &
  (
    | {
        readonly out: "phone";
        readonly event: "message";
        readonly message: Readonly<Record<string, unknown>>;
      }
    | { readonly out: "phone"; readonly event: "close"; readonly code: number }
    | { readonly out: "model"; readonly leg: number; readonly event: "dial"; readonly url: string }
    | {
        readonly out: "model";
        readonly leg: number;
        readonly event: "close";
        readonly code: number;
      }
    | {
        readonly out: "model";
        readonly leg: number;
        readonly event: "message";
        readonly message: Readonly<Record<string, unknown>>;
      }
    /** What the call told its host (`CallHost`). */
    | {
        readonly out: "host";
        readonly event:
          | "hand_over"
          | "announce"
          | "fall_back"
          | "caller_gone"
          | "ended"
          | "moved_away";
        readonly request?: TransferRequest;
        readonly outcome?: CallOutcome;
        readonly reason?: string;
      }
  );

export type FlightLine =
  | FlightHeader
  | FlightInput
  | FlightOutput
  | (Stamped & { readonly is: "tools"; readonly specs: readonly SessionTool[] })
  /** The host that was told has returned; the inputs since then came from within. */
  | (Stamped & { readonly is: "returned"; readonly from: string })
  /** A timer of the call's, before it ran. */
  | (Stamped & { readonly is: "cancelled"; readonly timer: string })
  /** Whose lines follow, until another's. */
  | (Stamped & { readonly is: "writer"; readonly writer: string })
  /** Lines that the disk was too slow for. */
  | (Stamped & { readonly is: "left_out"; readonly lines: number });
