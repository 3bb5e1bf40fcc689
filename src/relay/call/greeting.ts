import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { CallerProfile, Crm } from "../../ports/crm.js";
import type { ModelSession } from "../model/model-session.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallLanguage } from "./call-language.js";
import * as prompts from "./prompts.js";
import type { ReplyWatch } from "./reply-watch.js";

export interface GreetingHost {
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  readonly session: ModelSession | null;
  readonly isOver: boolean;
  readonly reply: ReplyWatch;
  /** Tells the model a fact, and tells it again if its session may not have received it. */
  noteModel(text: string): void;
}

/** How a call begins: what the agent knows of the caller before it speaks, and its first words. */
export class Greeting {
  readonly #host: GreetingHost;
  readonly #language: CallLanguage;
  readonly #lookUp: Crm["lookUp"] | null;
  #isLookingUp = false;
  #lookedUp: Promise<void> = Promise.resolve();
  /** The session is ready, and the greeting waits for the CRM or for an answering machine. */
  #waits = false;
  #isPostponed = false;
  #isDone = false;
  #facts: string | null = null;
  #message: string | null = null;

  constructor(host: GreetingHost, language: CallLanguage, lookUp: Crm["lookUp"] | null) {
    this.#host = host;
    this.#language = language;
    this.#lookUp = lookUp;
  }

  /** The agent has been asked for its first words, or has none. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** What the model is told before it greets; null: nothing. */
  get facts(): string | null {
    return this.#facts;
  }

  restoreFacts(facts: string | null): void {
    this.#facts = facts;
  }

  /** The caller has been greeted, by another process. */
  skip(): void {
    this.#isDone = true;
  }

  /** What the agent should know about an outbound call. */
  giveContext(context: Readonly<Record<string, unknown>>): void {
    this.#facts = prompts.callContext(context);
  }

  get isLookingUp(): boolean {
    return this.#isLookingUp;
  }

  /** Resolves when the CRM has answered, or at once when it was not asked. Never rejects. */
  get lookedUp(): Promise<void> {
    return this.#lookedUp;
  }

  /**
   * Asks who calls. The greeting waits for the answer, which comes within the look-up's time-out.
   */
  lookUpCaller(): void {
    if (this.#lookUp === null) return;
    const { callSid, from, to } = this.#host.parties;
    this.#isLookingUp = true;
    this.#lookedUp = this.#lookUp({ callSid, from, to }).then((profile) => {
      this.#isLookingUp = false;
      if (this.#host.isOver) return;
      if (profile !== null) this.#recognised(profile);
      if (this.#waits) this.begin();
    });
  }

  #recognised(profile: CallerProfile): void {
    this.#host.eventLog.note("caller_recognised", { cases: profile.openCases.length });
    this.#facts = prompts.callerFacts(profile);
    this.#language.recognised(profile.language, profile.fields ?? {});
  }

  /** An answering machine plays its own greeting: ours waits, and `replaceBy` takes its place. */
  postpone(): void {
    this.#isPostponed = true;
  }

  /** An answering machine listens: these instructions take the place of the greeting. */
  replaceBy(message: string): void {
    this.#message = message;
    this.#isPostponed = false;
    if (this.#waits) this.begin();
  }

  /** The session is ready: the agent speaks first, once neither CRM nor machine is awaited. */
  begin(): void {
    const { session, agent, eventLog, reply } = this.#host;
    const language = this.#language;
    this.#waits = this.#isLookingUp || this.#isPostponed;
    if (this.#waits || session === null || this.#isDone) return;
    this.#isDone = true;
    if (this.#facts !== null) {
      eventLog.remember(this.#facts);
      this.#host.noteModel(this.#facts);
    }
    if (this.#message !== null) {
      reply.owe("greeting");
      session.speak(this.#message);
    } else if (agent.greeting !== null) {
      reply.owe("greeting");
      const text = language.fill(agent.greeting);
      session.greet(prompts.greeting(text, language.isFirst ? null : language.current));
    }
  }
}
