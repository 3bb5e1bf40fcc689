/**
 * Runs TwiML on a leg: one document after the other, until the verbs run out, the leg ends or REST
 * puts another document in its place.
 */
import type { CallLeg, TwimlSource } from "./call-leg.js";
import { connectStream } from "./connect.js";
import type { TwilioContext } from "./context.js";
import { dial } from "./dial.js";
import { enqueue } from "./enqueue.js";
import { gather } from "./gather.js";
import { checkTwiml } from "./twiml.js";
import {
  digitsMs,
  type KeyListener,
  methodOf,
  NEXT_VERB,
  type Next,
  PLAY_MS,
  STOPPED,
  sayMs,
  type VerbContext,
  waitFor,
} from "./verb-context.js";
import type { XmlElement } from "./xml.js";

const MAX_DOCUMENTS = 200;

export class TwimlProgram {
  readonly #twilio: TwilioContext;
  readonly #leg: CallLeg;
  #abort: AbortController | null = null;
  #keys: KeyListener | null = null;

  constructor(twilio: TwilioContext, leg: CallLeg) {
    this.#twilio = twilio;
    this.#leg = leg;
  }

  /** Ends what runs and starts this instead. */
  run(source: TwimlSource): void {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.#documents(source, abort.signal)
      .then((next) => {
        if (!abort.signal.aborted && next.to === "end" && next.why !== "reject")
          this.#leg.finish("completed");
      })
      .catch((error: unknown) => this.#broken(error));
  }

  /** Runs a document and comes back. @returns false: another document took its place meanwhile. */
  async runWhisper(source: TwimlSource): Promise<boolean> {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const next = await this.#documents(source, abort.signal);
      if (abort.signal.aborted) return false;
      if (next.to === "end" && next.why === "hangup") this.#leg.finish("completed");
    } catch (error) {
      this.#broken(error);
    }
    return true;
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.#keys = null;
    this.#leg.setSound(null);
    this.#leg.setBridgedWith(null);
  }

  /** @returns true: a verb that waits for keys took it. */
  key(key: string): boolean {
    if (this.#keys === null) return false;
    this.#keys(key);
    return true;
  }

  /** A fault of the simulator shows as a violation; it must not hang a test. */
  #broken(error: unknown): void {
    this.#leg.violation(
      `the simulator failed: ${error instanceof Error ? error.stack : String(error)}`,
    );
    this.#leg.finish("failed");
  }

  async #documents(first: TwimlSource, signal: AbortSignal): Promise<Next> {
    let source = first;
    for (let count = 0; count < MAX_DOCUMENTS; count++) {
      const verbs = await this.#fetch(source, signal);
      if (signal.aborted) return STOPPED;
      if (verbs === null) return { to: "end", why: "hangup" };
      const next = await this.#verbs(verbs, signal);
      if (next.to !== "document") return next;
      source = next.source;
    }
    this.#leg.violation(`more than ${MAX_DOCUMENTS} documents: the TwiML runs in a circle`);
    return { to: "end", why: "hangup" };
  }

  async #verbs(verbs: readonly XmlElement[], signal: AbortSignal): Promise<Next> {
    for (const verb of verbs) {
      if (signal.aborted) return STOPPED;
      const next = await this.#verb(verb, signal);
      if (signal.aborted) return STOPPED;
      if (next.to !== "verb") return next;
    }
    return { to: "end", why: "ran_out" };
  }

  async #verb(verb: XmlElement, signal: AbortSignal): Promise<Next> {
    const leg = this.#leg;
    const context = this.#context(signal);
    // Dial may leave the caller ringing and Reject never answers; every other verb takes the call.
    const rings =
      verb.name === "Reject" ||
      (verb.name === "Dial" && verb.attributes["answerOnBridge"] === "true");
    if (!rings) leg.answer();
    switch (verb.name) {
      case "Say":
        leg.events.add("say", { text: verb.text, language: verb.attributes["language"] ?? "" });
        await context.sounding("say", sayMs(verb.text));
        return NEXT_VERB;
      case "Play":
        return play(verb, context);
      case "Pause":
        leg.events.add("pause", { seconds: Number(verb.attributes["length"] ?? 1) });
        await context.wait(Number(verb.attributes["length"] ?? 1) * 1000);
        return NEXT_VERB;
      case "Redirect":
        leg.events.add("redirect", { url: verb.text });
        return { to: "document", source: { url: verb.text, ...methodOf(verb) } };
      case "Hangup":
        leg.events.add("hang_up", { by: "twiml" });
        return { to: "end", why: "hangup" };
      case "Leave":
        return { to: "end", why: "leave" };
      case "Reject":
        leg.events.add("hang_up", { by: "reject" });
        leg.finish(verb.attributes["reason"] === "busy" ? "busy" : "no-answer");
        return { to: "end", why: "reject" };
      case "Connect":
        return connectStream(verb, context);
      case "Dial":
        return dial(verb, context);
      case "Enqueue":
        return enqueue(verb, context);
      case "Gather":
        return gather(verb, context);
      default:
        // Already a violation: Twilio skips what it does not know.
        return NEXT_VERB;
    }
  }

  #context(signal: AbortSignal): VerbContext {
    return {
      twilio: this.#twilio,
      leg: this.#leg,
      signal,
      wait: (ms) => waitFor(this.#twilio, ms / this.#twilio.speed, signal),
      sounding: async (sound, ms) => {
        this.#leg.setSound(sound);
        await waitFor(this.#twilio, ms / this.#twilio.speed, signal);
        // What took its place may sound already.
        if (!signal.aborted) this.#leg.setSound(null);
      },
      listen: (listener) => {
        this.#keys = listener;
      },
      runDocument: (source) => this.#documents(source, signal),
    };
  }

  /** @returns the verbs; null: neither URL nor fallback gave any (the application error). */
  async #fetch(source: TwimlSource, signal: AbortSignal): Promise<readonly XmlElement[] | null> {
    if ("twiml" in source)
      return this.#read(source.twiml, "given by REST", source.waiting === true);
    const { fields } = this.#leg;
    const first = source.first === true;
    const got = await this.#request(source, first);
    if (got.verbs !== null || signal.aborted) return got.verbs;
    const { fallbackUrl } = fields;
    if (fallbackUrl !== null && fallbackUrl !== undefined) {
      const again = await this.#request(
        {
          url: fallbackUrl,
          form: { ...source.form, ErrorCode: String(got.error), ErrorUrl: source.url },
        },
        false,
      );
      if (again.verbs !== null || signal.aborted) return again.verbs;
    }
    this.#leg.events.add("application_error", { code: got.error });
    if (this.#leg.answeredAtMs === null) this.#leg.finish("failed");
    return null;
  }

  async #request(
    source: Extract<TwimlSource, { url: string }>,
    first: boolean,
  ): Promise<{ verbs: readonly XmlElement[] | null; error: number }> {
    const { fields, events } = this.#leg;
    const reply = await this.#twilio.web.send({
      url: source.url,
      form: this.#leg.form(source.form),
      ...(source.method === undefined ? {} : { method: source.method }),
      forgery: first ? (fields.forgeWebhook ?? null) : null,
      loseFirstReply:
        this.#twilio.faults.repeatWebhooks || (first && fields.repeatWebhook === true),
    });
    const path = source.url.replace(/^[a-z]+:\/\/[^/]*/i, "");
    if (reply.error !== null || reply.status !== 200) {
      events.add("webhook_failed", { path, status: reply.status, error: reply.error ?? 11200 });
      return { verbs: null, error: reply.error ?? 11200 };
    }
    events.add("webhook", { path, status: reply.status, tries: reply.tries });
    if (!/^(text|application)\/xml\b/.test(reply.contentType)) {
      this.#leg.violation(`${path}: content type ${reply.contentType || "missing"} (12300)`);
      return { verbs: null, error: 12300 };
    }
    const verbs = this.#read(reply.body, path, source.waiting === true);
    return { verbs, error: 12100 };
  }

  #read(text: string, from: string, waiting: boolean): readonly XmlElement[] | null {
    const document = checkTwiml(text, waiting);
    this.#leg.events.add("twiml", {
      from,
      verbs: document.verbs.map((verb) => verb.name).join(" "),
      text,
    });
    for (const violation of document.violations)
      this.#leg.violation(`TwiML of ${from}: ${violation}`);
    return document.readable ? document.verbs : null;
  }
}

/** Plays a file, or sends keys as tones into this leg. */
async function play(verb: XmlElement, context: VerbContext): Promise<Next> {
  const { leg } = context;
  const digits = verb.attributes["digits"] ?? "";
  leg.events.add("play", { url: verb.text, digits });
  await context.sounding("play", digits === "" ? PLAY_MS : digitsMs(digits));
  if (digits !== "" && !context.signal.aborted) leg.hearDigits(digits, "play");
  return NEXT_VERB;
}
