/** How the parts of a session see the session that they belong to. */
import type { IdentityChecker } from "../audio/identity.js";
import type { SimClock } from "../clock.js";
import type { Fault, JsonObject } from "./check.js";
import type { SessionFaults } from "./faults.js";
import type { Conversation } from "./items.js";
import type { Playback } from "./playback.js";
import type { TurnFault } from "./script.js";
import type { ReceivedAudio, SessionOptions, SpeechSpan, Truncation } from "./session-types.js";

export interface SessionContext {
  readonly index: number;
  readonly clock: SimClock;
  readonly options: SessionOptions;
  readonly faults: SessionFaults;
  /** False: the call's sound does not run over this socket. */
  readonly carriesAudio: boolean;
  readonly conversation: Conversation;
  readonly config: JsonObject;
  /** When the first `session.updated` was sent. */
  readonly configuredAtMs: number | null;
  readonly received: ReceivedAudio;
  readonly identity: IdentityChecker | null;
  /** Of a SIP call: what the line carries. */
  readonly playback: Playback | null;
  readonly speech: SpeechSpan[];
  readonly truncations: Truncation[];
  /** A response writes to the conversation now. */
  readonly responding: boolean;

  /** Any event; the `event_id` is added. */
  send(event: JsonObject): void;
  sendText(text: string): void;
  sendError(
    type: string,
    code: string | null,
    message: string,
    param: string | null,
    eventId: string | null,
  ): void;
  /** What is sent meanwhile reaches the client in one packet. */
  inOnePacket(run: () => void): void;
  nextId(prefix: string): string;
  /** From 0 to 1, reproducible. */
  random(): number;
  /** A text of random length that stands beside each piece of text. */
  obfuscation(): string;
  /** @param race  the client could not know better: no violation. */
  refuse(
    event: JsonObject,
    code: string,
    message: string,
    param: string | null,
    race?: boolean,
  ): void;
  refuseFault(event: JsonObject, fault: Fault): void;
  violation(text: string): void;
  fault(kind: TurnFault): void;
}
