/** Ready-made turns and events for the unusual things that a model does. */
import { speechLike } from "../audio/synth.js";
import type { JsonObject } from "./check.js";
import type { Speech, Turn } from "./script.js";

/** A response that fails for its rate limit and tells how long to wait. */
export function rateLimited(waitS: number): Turn {
  return {
    status: "failed",
    delayMs: 20,
    error: {
      type: "rate_limit_exceeded",
      code: "rate_limit_exceeded",
      message:
        "Rate limit reached for gpt-realtime-2.1 in organization org-simulated on tokens per min " +
        `(TPM): Limit 40000, Used 39200, Requested 1600. Please try again in ${waitS}s. ` +
        "Visit https://platform.openai.com/account/rate-limits to learn more.",
    },
  };
}

/** A response that fails, after `soundMs` of speech; 0 fails before any item. */
export function failed(soundMs = 0, text = "I was about to say something."): Turn {
  return soundMs === 0
    ? { status: "failed", delayMs: 20 }
    : { say: text, untilMs: soundMs, status: "failed" };
}

/** A response that is cut off, after `soundMs` of speech; 0 ends it before any item. */
export function incomplete(
  reason: "max_output_tokens" | "content_filter",
  soundMs = 0,
  text = "I was about to say something.",
): Turn {
  return soundMs === 0
    ? { status: "incomplete", reason, delayMs: 20 }
    : { say: text, untilMs: soundMs, status: "incomplete", reason };
}

/** A response that is created and produces nothing, while the session answers everything else. */
export function stalled(kind: "stall" | "stall_for_good" = "stall"): Turn {
  return { say: "Never said.", fault: { afterMs: 0, kind } };
}

/** A reply that comes as text although audio was asked for. */
export function writtenReply(text: string): Turn {
  return { say: text, modality: "text" };
}

/** A server event of about `bytes` bytes, made of many small values. */
export function oversizedEvent(bytes: number, type = "rate_limits.updated"): JsonObject {
  return { type, rate_limits: Array.from({ length: Math.ceil(bytes / 2) }, (_, i) => i % 10) };
}

/** A second of speech whose transcript has `characters` characters. */
export function longTranscript(characters: number): Speech {
  const words = "all work and no play makes a dull transcript ";
  const text = words.repeat(Math.ceil(characters / words.length)).slice(0, characters);
  return { text, audio: speechLike(1000) };
}
