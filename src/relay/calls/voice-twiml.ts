import type { AgentProfile } from "../../domain/agent-profile.js";
import { phrasesFor } from "../../transfer/phrases.js";
import type { Twiml, TwimlVerb } from "../../wire/twiml.js";

/** Absolute addresses of this relay as Twilio sees them. */
export interface Links {
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
  /** `wss://…/media-stream`, placeholders filled in. */
  readonly mediaUrl: string;
}

const APOLOGY = "We are sorry, we cannot take your call right now. Please call again later.";

/**
 * Connects the caller with this relay by a stream. When the stream ends, Twilio asks
 * `connect-ended` what follows.
 *
 * @param say  spoken before the stream, or null.
 */
export function connectTwiml(
  agent: Pick<AgentProfile, "language">,
  say: string | null,
  links: Links,
  parameters: Readonly<Record<string, string>>,
): Twiml {
  const verbs: TwimlVerb[] = [];
  if (say !== null) verbs.push({ verb: "say", text: say, language: agent.language });
  verbs.push({
    verb: "connect_stream",
    action: `${links.publicUrl}/connect-ended`,
    url: links.mediaUrl,
    statusCallback: `${links.publicUrl}/stream-status`,
    parameters,
  });
  return verbs;
}

/** Announced to a caller in a conference who waits for the agent. */
export function comfortTwiml(language: string): Twiml {
  const phrases = phrasesFor(language);
  return [{ verb: "say", text: phrases.wait, language: phrases.language }];
}

/** Twilio plays a hold document again when it is over. */
const SILENCE_S = 600;

export const SILENCE_TWIML: Twiml = [{ verb: "pause", seconds: SILENCE_S }];

/** The last resort: neither an agent nor a human can be reached. */
export function apologyTwiml(agent: AgentProfile | null): Twiml {
  return [
    agent === null
      ? { verb: "say", text: APOLOGY }
      : { verb: "say", text: agent.apology, language: agent.language },
    { verb: "hangup" },
  ];
}
