import type { Random } from "../random.js";
import type { Meters } from "./meters.js";
import type { Scenario } from "./scenario.js";

/** What the caller can know and do. */
export interface CallerSenses {
  /** The phone has something to play. */
  isPlaying(nowMs: number): boolean;
  /** Something of the agent was ever heard. */
  readonly heardAnything: boolean;
  /** The model's session is known. */
  readonly connected: boolean;
  /** True: something was heard of what the model made from frame `seq` on. */
  hasHeardFrom(seq: number): boolean;
  /** All frames that the model has made so far are heard, or were interrupted. */
  readonly heardAll: boolean;
  /** One above the last frame that the model has made so far. */
  readonly madeSeq: number;
  /** An answer is being made, or is about to be. */
  readonly modelBusy: boolean;
  /** So long the phone has had nothing to play. */
  dryMs(nowMs: number): number;
  talks(nowMs: number): void;
  pauses(nowMs: number): void;
  /** What has not come of the answer by now will not. */
  gaveUp(): void;
}

type State =
  | { name: "greeting"; untilMs: number }
  | { name: "pausing"; untilMs: number }
  | { name: "talking"; untilMs: number }
  | { name: "awaiting"; untilMs: number; answerSeq: number }
  | { name: "listening"; interruptMs: number | null };

const GREETING_PATIENCE_MS = 12_000;
/** Longer than any silence that a relay may leave a caller in, so that the silence is measured. */
const ANSWER_PATIENCE_MS = 12_000;
/** The end of an answer is missed when the phone has been silent for so long. */
const SILENCE_IS_THE_END_MS = 1500;

/** The person at the phone: waits for the greeting, talks, listens, interrupts. */
export class CallerBehavior {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #meters: Meters;
  readonly #senses: CallerSenses;
  #state: State;

  constructor(
    parts: { readonly scenario: Scenario; readonly random: Random; readonly meters: Meters },
    senses: CallerSenses,
    nowMs: number,
  ) {
    this.#scenario = parts.scenario;
    this.#random = parts.random;
    this.#meters = parts.meters;
    this.#senses = senses;
    this.#state = { name: "greeting", untilMs: nowMs + GREETING_PATIENCE_MS };
  }

  get talking(): boolean {
    return this.#state.name === "talking";
  }

  /** The caller waits for the agent to say something, or to go on. */
  get replyOwed(): boolean {
    switch (this.#state.name) {
      case "greeting":
      case "awaiting":
        return true;
      case "listening":
        return this.#senses.modelBusy || !this.#senses.heardAll;
      default:
        return false;
    }
  }

  /** Every 20 ms. */
  tick(nowMs: number): void {
    const state = this.#state;
    const senses = this.#senses;
    switch (state.name) {
      case "greeting":
        if (senses.heardAnything) this.#listen(nowMs);
        else if (nowMs >= state.untilMs) this.#pause(nowMs);
        return;
      case "pausing":
        if (nowMs >= state.untilMs && senses.connected) this.#talk(nowMs);
        return;
      case "talking":
        if (nowMs >= state.untilMs) this.#await(nowMs);
        return;
      case "awaiting":
        if (senses.hasHeardFrom(state.answerSeq)) this.#listen(nowMs);
        else if (nowMs >= state.untilMs) {
          this.#meters.unanswered++;
          this.#pause(nowMs);
        }
        return;
      case "listening":
        this.#listening(state, nowMs);
        return;
    }
  }

  #await(nowMs: number): void {
    const { model } = this.#scenario;
    this.#senses.pauses(nowMs);
    this.#state = {
      name: "awaiting",
      untilMs: nowMs + model.hangoverMs[1] + model.thinkMs[1] + ANSWER_PATIENCE_MS,
      answerSeq: this.#senses.madeSeq,
    };
  }

  #listen(nowMs: number): void {
    const { rate, afterMs } = this.#scenario.bargeIn;
    const interruptMs = this.#random.chance(rate) ? nowMs + this.#random.within(afterMs) : null;
    this.#state = { name: "listening", interruptMs };
  }

  #listening(state: { readonly interruptMs: number | null }, nowMs: number): void {
    const senses = this.#senses;
    const playing = senses.isPlaying(nowMs);
    if (state.interruptMs !== null && nowMs >= state.interruptMs && playing) {
      this.#talk(nowMs);
      return;
    }
    if (senses.modelBusy || playing) return;
    if (senses.heardAll) this.#pause(nowMs);
    else if (senses.dryMs(nowMs) > SILENCE_IS_THE_END_MS) {
      senses.gaveUp();
      this.#pause(nowMs);
    }
  }

  #pause(nowMs: number): void {
    this.#state = {
      name: "pausing",
      untilMs: nowMs + this.#random.within(this.#scenario.caller.pauseMs),
    };
  }

  #talk(nowMs: number): void {
    const talkMs = this.#random.within(this.#scenario.caller.talkMs);
    this.#state = { name: "talking", untilMs: nowMs + talkMs };
    this.#senses.talks(nowMs);
  }
}
