/** How a TwiML verb sees the program that runs it, and what it leads to. */
import type { CallLeg, TwimlSource } from "./call-leg.js";
import type { TwilioContext } from "./context.js";
import type { Form, Method } from "./web.js";
import type { XmlElement } from "./xml.js";

/** What a verb leads to: the next verb, another document, or the end of the call. */
export type Next =
  | { readonly to: "verb" }
  | { readonly to: "document"; readonly source: TwimlSource }
  | { readonly to: "end"; readonly why: "hangup" | "ran_out" | "reject" | "leave" | "stopped" };

export const NEXT_VERB: Next = { to: "verb" };
export const STOPPED: Next = { to: "end", why: "stopped" };

export type KeyListener = (key: string) => void;

export interface VerbContext {
  readonly twilio: TwilioContext;
  readonly leg: CallLeg;
  /** Aborted when the leg ends or its TwiML is replaced. */
  readonly signal: AbortSignal;
  /** Ms of simulated time, cut short by the signal. */
  wait(ms: number): Promise<void>;
  /** The same, while the leg hears something. */
  sounding(sound: string, ms: number): Promise<void>;
  /** Takes the keys from now on; null gives them back. */
  listen(listener: KeyListener | null): void;
  /** Runs a document, and those it leads to, in between; resolves with what ended it. */
  runDocument(source: TwimlSource): Promise<Next>;
}

/** 15 characters a second, at least half a second. */
export function sayMs(text: string): number {
  return Math.max(500, (text.length * 1000) / 15);
}

/** Of a file whose length is unknown. */
export const PLAY_MS = 1000;

const DIGIT_MS = 100;
const WAIT_MS = 500;

/** How long keys take to send: 0.1 s each, half a second for each `w`. */
export function digitsMs(digits: string): number {
  return [...digits].reduce((ms, key) => ms + (/w/i.test(key) ? WAIT_MS : DIGIT_MS), 0);
}

export function methodOf(verb: XmlElement, name = "method"): { method?: Method } {
  const method = verb.attributes[name];
  return method === "GET" || method === "POST" ? { method } : {};
}

/** The document of a verb's `action`, or the next verb when it has none. */
export function actionOf(verb: XmlElement, form: Form): Next {
  const url = verb.attributes["action"];
  return url === undefined
    ? NEXT_VERB
    : { to: "document", source: { url, form, ...methodOf(verb) } };
}

/** `ms` of the clock, cut short by the signal. */
export function waitFor(twilio: TwilioContext, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = () => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = twilio.clock.after(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
