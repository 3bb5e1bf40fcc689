import { randomBytes } from "node:crypto";
import type { CallSid } from "../../domain/ids.js";
import type { SharedState } from "../../ports/store.js";
import type { PeerReply, PeerRequest } from "../../relay/calls/cluster.js";

/**
 * What processes send each other. The field names are those of earlier releases: nodes of two
 * releases run together while a cluster is updated.
 */
export type BusMessage =
  | {
      readonly type: "ask";
      readonly id: number;
      /** The process that sent the request. */
      readonly from: string;
      readonly callSid: CallSid;
      readonly question: PeerRequest;
    }
  | { readonly type: "answer"; readonly id: number; readonly answer: PeerReply | null }
  | { readonly type: "moved"; readonly callSid: CallSid }
  /** The message is too long for a notification, and is stored under this key. */
  | { readonly type: "stored"; readonly key: string };

/** The limit of a notification in PostgreSQL is 8,000 bytes. */
const MAX_PAYLOAD_BYTES = 7_500;
/** A stored message is read as soon as its notification arrives. */
const STORED_MS = 60_000;

/** @returns the payload of a notification. A long message is stored, and the payload names it. */
export async function encodeMessage(message: BusMessage, state: SharedState): Promise<string> {
  const payload = JSON.stringify(message);
  if (Buffer.byteLength(payload) <= MAX_PAYLOAD_BYTES) return payload;
  const key = `bus:${randomBytes(12).toString("hex")}`;
  await state.putState(key, payload, STORED_MS);
  return JSON.stringify({ type: "stored", key } satisfies BusMessage);
}

/**
 * @returns null when the stored message has expired.
 * @throws  SyntaxError when the payload is not JSON.
 */
export async function decodeMessage(
  payload: string,
  state: SharedState,
): Promise<Exclude<BusMessage, { readonly type: "stored" }> | null> {
  // Only this program writes to these channels.
  const message = JSON.parse(payload) as BusMessage;
  if (message.type !== "stored") return message;
  const stored = await state.getState(message.key);
  await state.removeState(message.key);
  return stored === null ? null : await decodeMessage(stored.value, state);
}
