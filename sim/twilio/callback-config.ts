/** Which status callbacks a call leg sends, and where to. */
import type { Method } from "./web.js";

export interface CallbackConfig {
  readonly url: string;
  readonly method?: Method;
  readonly events: readonly string[];
}

/**
 * Of TwiML nouns and REST requests alike; no URL = none. Twilio's default is `completed` alone.
 */
export function callbackConfig(
  url: string | undefined,
  events: readonly string[] | undefined,
  method?: string,
): CallbackConfig | null {
  if (url === undefined || url === "") return null;
  return {
    url,
    ...(method === "GET" ? { method } : {}),
    events: events === undefined || events.length === 0 ? ["completed"] : events,
  };
}
