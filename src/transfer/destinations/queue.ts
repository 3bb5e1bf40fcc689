import type { Destination } from "../../domain/agent-profile.js";
import type { Twiml } from "../../wire/twiml.js";
import { queueEnd } from "../callback-forms.js";
import { callbackUrl, leadIn } from "../documents.js";
import { phrasesFor } from "../phrases.js";
import { destinationKind, required } from "./destination-kind.js";

type QueueDestination = Extract<Destination, { kind: "enqueue" }>;

/**
 * Longest wait in a queue. Then the caller is taken on to the next destination, or back to the
 * agent.
 */
export const MAX_QUEUE_S = 1_800;
/**
 * The caller leaves once the wait page is fetched again: after the hold music has been played to
 * its end.
 */
const HOLD_MUSIC_S = 900;

/** In a queue Twilio tells of a conversation only when it is over. */
export function queueAnswerTimeS(): number {
  return MAX_QUEUE_S + HOLD_MUSIC_S;
}

/** A Twilio queue: the caller hears their place in line and music until a human dials the queue. */
export const queue = destinationKind<QueueDestination>()({
  kind: "enqueue",
  key: "enqueue",
  fields: {
    enqueue: { type: "text", minLength: 1, maxLength: 64, description: "Name of a Twilio queue" },
  },
  defaultMaxPerHour: null,
  read: (base, entry) => ({ ...base, kind: "enqueue", queue: required(entry.enqueue, "enqueue") }),
  namesCase: false,
  reaches: ({ queue: name }) => `queue ${name}`,
  answerTimeS: queueAnswerTimeS,
  document: ({ queue: name }, parts) => [
    ...leadIn(parts),
    {
      verb: "enqueue",
      action: callbackUrl(parts, "/transfer-status", "document"),
      waitUrl: callbackUrl(parts, "/transfer-status", "wait"),
      target: { type: "queue", name },
    },
  ],
  end: queueEnd,
  consult: null,
});

/** Said to a caller in a queue, again and again. `place` null: Twilio did not say. */
export function waitTwiml(
  place: number | null,
  waitedS: number,
  language: string,
  holdMusicUrl: string | null,
): Twiml {
  if (waitedS >= MAX_QUEUE_S) return [{ verb: "leave" }];
  const phrases = phrasesFor(language);
  return [
    {
      verb: "say",
      text: place === null ? phrases.stillHolding : phrases.position(place),
      language: phrases.language,
    },
    holdMusicUrl === null ? { verb: "pause", seconds: 10 } : { verb: "play", url: holdMusicUrl },
  ];
}
