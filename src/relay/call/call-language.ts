import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import { needsCaller } from "../../domain/placeholders.js";
import type { Clock } from "../../ports/clock.js";
import type { ModelSession } from "../model/model-session.js";
import * as prompts from "./prompts.js";
import { type CallFacts, callerNumber, fillText, sessionInstructions } from "./session-facts.js";

/**
 * The texts of an agent as one call needs them: in the language that the call is held in, with
 * placeholders filled in. Tells the model's session when they change.
 */
export class CallLanguage {
  readonly #agent: AgentProfile;
  readonly #parties: CallParties;
  readonly #clock: Pick<Clock, "epochMs">;
  readonly #session: () => ModelSession | null;
  #current: string;
  /** Set by the tool or by the caller look-up. Until then the agent's own instructions hold. */
  #isChosen = false;
  /** The language that the present session was opened in. */
  #openedIn: string;
  /**
   * The present session was opened before the look-up answered, though its instructions name the
   * caller.
   */
  #openedUnrecognised = false;
  /** Fields of the caller look-up's answer, for placeholders. */
  #callerFields: Readonly<Record<string, string>> = {};

  /** @param session  the session that is ready, if there is one. */
  constructor(
    agent: AgentProfile,
    parties: CallParties,
    clock: Pick<Clock, "epochMs">,
    session: () => ModelSession | null,
  ) {
    this.#agent = agent;
    this.#parties = parties;
    this.#clock = clock;
    this.#session = session;
    this.#current = agent.language;
    this.#openedIn = agent.language;
  }

  /** BCP 47 tag. */
  get current(): string {
    return this.#current;
  }

  /** The call is in the language of the agent's own greeting. */
  get isFirst(): boolean {
    return this.#current === this.#agent.language;
  }

  get instructions(): string {
    const { instructions, languages } = this.#agent;
    const own = this.#isChosen
      ? (languages.get(this.#current)?.instructions ?? instructions)
      : instructions;
    const filled = sessionInstructions(own, this.#agent, this.#current, this.#facts);
    return this.#isChosen ? prompts.inLanguage(filled, this.#current) : filled;
  }

  get voice(): string {
    return this.#agent.languages.get(this.#current)?.voice ?? this.#agent.voice;
  }

  /** `<Say>` before the call's audio begins, or null. */
  get announcement(): string | null {
    return this.#agent.say === null ? null : this.fill(this.#agent.say);
  }

  fill(text: string): string {
    return fillText(text, this.#agent, this.#current, this.#facts);
  }

  get #facts(): CallFacts {
    return {
      epochMs: this.#clock.epochMs(),
      callerNumber: callerNumber(this.#parties),
      caller: this.#callerFields,
    };
  }

  get callerFields(): Readonly<Record<string, string>> {
    return this.#callerFields;
  }

  restore(callerFields: Readonly<Record<string, string>>, language: string): void {
    this.#callerFields = callerFields;
    if (language !== this.#current) this.set(language);
  }

  /** @returns false: the agent does not speak it, and nothing changes. */
  set(language: string): boolean {
    const { languages, language: first } = this.#agent;
    if (!languages.has(language) && language !== first) return false;
    this.#current = language;
    this.#isChosen = true;
    this.#tell();
    return true;
  }

  /**
   * The CRM knows the caller. Where the agent does not speak the caller's "es-MX", it speaks "es".
   *
   * @param language  BCP 47 tag; null: the CRM does not know it.
   */
  recognised(language: string | null, fields: Readonly<Record<string, string>>): void {
    this.#callerFields = fields;
    const { languages } = this.#agent;
    const known =
      language !== null &&
      this.#setKnown(languages.has(language) ? language : (language.split("-")[0] ?? language));
    if (!known && this.#openedUnrecognised)
      this.#session()?.update({ instructions: this.instructions });
    this.#openedUnrecognised = false;
  }

  #setKnown(language: string): boolean {
    return this.#agent.languages.has(language) && this.set(language);
  }

  /** A session is being opened with the present texts. @param lookingUp  the CRM is still asked. */
  opened(lookingUp: boolean): void {
    this.#openedIn = this.#current;
    this.#openedUnrecognised = lookingUp && needsCaller(this.#agent.instructions);
  }

  /** The session is ready; the language may have changed since it was opened. */
  ready(): void {
    if (this.#openedIn !== this.#current) this.#tell();
  }

  #tell(): void {
    // A session whose model has spoken ignores a change of voice.
    const { instructions, voice } = this;
    this.#session()?.update({ instructions, voice });
  }
}
