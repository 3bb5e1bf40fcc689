/**
 * The faults of the simulated model that a test switches on. All of them act at once, for every
 * session, until they are switched off again:
 *
 * ```ts
 * const model = await startModel({ script, faults: { handshake: 503 } });
 * model.faults.handshake = null;
 * model.faults.replaceTurn = rateLimited(1.2);
 * ```
 */
import type { Json } from "./check.js";
import type { Turn, TurnContext } from "./script.js";

/** An HTTP status with which a gateway or proxy answers in place of the model. */
export type GatewayStatus = 401 | 403 | 407 | 429 | 500 | 502 | 503;

/**
 * Why the model rejects a session. It answers 101, sends one `error` event and closes in the same
 * tick: with 3000 for a fault of the key, with 4000 for the others.
 */
export type SessionRejection =
  | "invalid_api_key"
  /** The `code` of this error is null. */
  | "missing_api_key"
  | "invalid_model"
  | "missing_model"
  | "beta_api_shape_disabled";

/** A part of a `session.update`, or of a SIP `accept`, that the model does not take. */
export interface RefusedPart {
  /** Below `session`, as in "audio.input.transcription.model". */
  readonly path: string;
  /** Refuses only such values. Default: any value, null included. */
  readonly when?: (value: Json) => boolean;
  /** Default "invalid_value". */
  readonly code?: string;
  readonly message?: string;
}

/** What a session says of its audio formats, whatever was asked for. */
export interface SessionFormat {
  readonly input?: "audio/pcm" | "audio/pcmu" | "audio/pcma";
  readonly output?: "audio/pcm" | "audio/pcmu" | "audio/pcma";
}

/** A turn in place of the scripted one; null: the model does not respond at all. */
export type TurnReplacement = Turn | ((context: TurnContext, scripted: Turn | null) => Turn | null);

/** Faults of a running server that each session looks at. */
export interface SessionFaults {
  /** `session.created` never comes. */
  withholdCreated: boolean;
  /** `session.updated` never comes. */
  withholdUpdated: boolean;
  /** Pings of the client stay unanswered. */
  withholdPong: boolean;
  /** What every response does in place of its turn. Null: the script is followed. */
  replaceTurn: TurnReplacement | null;
  /** The whole update is discarded; the error names the part. */
  refuseParts: readonly RefusedPart[];
  sessionFormat: SessionFormat | null;
  /** The server takes each item's audio to be this much shorter than the client received. */
  audioShorterByMs: number;
}

export interface ModelFaults extends SessionFaults {
  /** A status refuses the handshake; "silent" never answers it. */
  handshake: GatewayStatus | "silent" | null;
  /** Rejects every new session, whatever key and model it names. */
  rejectSessions: SessionRejection | null;
}

export function noFaults(): ModelFaults {
  return {
    handshake: null,
    rejectSessions: null,
    withholdCreated: false,
    withholdUpdated: false,
    withholdPong: false,
    replaceTurn: null,
    refuseParts: [],
    sessionFormat: null,
    audioShorterByMs: 0,
  };
}
