/** One conversation as a call: says what the caller says, and waits until the agent has answered. */
import type { Leg } from "../sim/twilio/leg.js";
import type { CallRecord } from "../src/domain/call-record.js";
import type { CallSid } from "../src/domain/ids.js";
import type { Conversation, Step } from "./conversation-file.js";
import { type Difference, differences, type Observed } from "./expectations.js";
import type { LocalRelay } from "./local-relay.js";

export interface StepFailure {
  /** In the conversation file. */
  readonly line: number;
  /** From 1. */
  readonly turn: number;
  readonly caller: string | null;
  readonly differences: readonly Difference[];
}

export interface ConversationResult {
  readonly name: string;
  readonly line: number;
  readonly ok: boolean;
  readonly ms: number;
  readonly failures: readonly StepFailure[];
  /** The whole conversation, a line for each turn, tool call and transfer. */
  readonly transcript: readonly string[];
}

export interface CallTimes {
  /** How long nothing happens before an answer counts as complete. */
  readonly quietMs: number;
  /** A step that is not answered by then has failed. */
  readonly stepMs: number;
}

const POLL_MS = 10;
const CALLER = "+15550100001";

export class ConversationCall {
  readonly #relay: LocalRelay;
  readonly #times: CallTimes;
  readonly #leg: Leg;
  #turnsSeen = 0;
  #toolsSeen = 0;
  #transfersSeen = 0;
  #lastChangeMs = performance.now();
  #lastText = "";

  /** @param number  that is called. */
  constructor(
    relay: LocalRelay,
    times: CallTimes,
    number: string,
    conversation: Pick<Conversation, "from">,
  ) {
    this.#relay = relay;
    this.#times = times;
    this.#leg = relay.twilio.placeCall({ from: conversation.from ?? CALLER, to: number });
  }

  get record(): CallRecord | null {
    return this.#relay.journal.record(this.#leg.sid as CallSid);
  }

  /** The caller is connected, and the greeting, if there is one, has been heard. */
  async connected(greets: boolean): Promise<string | null> {
    const came = await this.#until(() => this.#leg.stream !== null || this.#leg.over);
    if (!came || this.#leg.over) return "the call was not connected";
    const spoke = () => (this.record?.turns.length ?? 0) > 0;
    const done = await this.#until(() => (!greets || spoke()) && this.#isSettled());
    return done ? null : "the agent did not greet the caller";
  }

  /** @returns what was expected and is not so. */
  async take(step: Step): Promise<readonly Difference[]> {
    const problem = await this.#act(step);
    if (problem !== null) return [problem];
    return step.expect === undefined ? [] : differences(step.expect, this.#observed());
  }

  async hangUp(): Promise<void> {
    this.#leg.hangUp();
    await this.#leg.ended;
    await this.#relay.twilio.settled();
  }

  async #act(step: Step): Promise<Difference | null> {
    const { caller, press } = step;
    if (caller === undefined && press === undefined && step.hang_up === undefined) return null;
    this.#forget();
    if (step.hang_up === true) {
      await this.hangUp();
      return null;
    }
    if (press !== undefined) await this.#leg.press(press);
    if (caller !== undefined) {
      const refusal = await this.#relay.app.execute(this.#leg.sid as CallSid, {
        type: "caller_typed",
        text: caller,
      });
      if (refusal !== null)
        return { expected: "the agent listens", actual: `the call is ${stateOf(this.record)}` };
    }
    const answered = await this.#until(() => this.#hasAnswered() && this.#isSettled());
    if (answered) return null;
    return {
      expected: `an answer within ${this.#times.stepMs / 1000} s`,
      actual: this.#observed().said.join(" ") || "the agent said nothing",
    };
  }

  /** From here on, what happens belongs to the next step. */
  #forget(): void {
    const { record } = this;
    this.#turnsSeen = record?.turns.length ?? 0;
    this.#toolsSeen = record?.tools.length ?? 0;
    this.#transfersSeen = transfersOf(record).length;
  }

  #hasAnswered(): boolean {
    const { said, tools, transfer, ended } = this.#observed();
    return said.length > 0 || tools.length > 0 || transfer !== null || ended;
  }

  #observed(): Observed {
    const { record } = this;
    return {
      said: (record?.turns.slice(this.#turnsSeen) ?? []).flatMap(({ who, text }) =>
        who === "agent" && text !== null ? [text] : [],
      ),
      tools: record?.tools.slice(this.#toolsSeen) ?? [],
      transfer: transfersOf(record).slice(this.#transfersSeen).at(-1)?.destination ?? null,
      ended: this.#isOver,
    };
  }

  /** For the caller; a caller who was transferred still talks to the human. */
  get #isOver(): boolean {
    if (this.#leg.over) return true;
    const { record } = this;
    // The phone learns of it a moment later.
    return record?.state === "ended" && record.outcome !== "transferred";
  }

  /** Nothing that was begun is still to come. */
  #isSettled(): boolean {
    const { record } = this;
    if (this.#isOver) return true;
    if (record === null) return false;
    // What the caller says next would be an interruption.
    if (record.turns.some(({ who, endedMs }) => who === "agent" && endedMs === null)) return false;
    if (isLeaving(record)) return false;
    if (record.transfer !== null && record.transfer.outcome === null) return false;
    if (this.#relay.app.isAnswering(this.#leg.sid as CallSid)) return false;
    return this.#isQuiet(record);
  }

  #isQuiet(record: CallRecord): boolean {
    const text = JSON.stringify([record.turns, record.tools, record.transfer, record.events]);
    const nowMs = performance.now();
    if (text !== this.#lastText) {
      this.#lastText = text;
      this.#lastChangeMs = nowMs;
    }
    return nowMs - this.#lastChangeMs >= this.#times.quietMs;
  }

  async #until(holds: () => boolean): Promise<boolean> {
    const untilMs = performance.now() + this.#times.stepMs;
    while (!holds()) {
      if (performance.now() > untilMs) return false;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return true;
  }
}

function transfersOf(record: CallRecord | null) {
  if (record === null) return [];
  return [...record.earlierTransfers, ...(record.transfer === null ? [] : [record.transfer])];
}

/** The model has asked to leave the call, and the caller still hears its last words. */
function isLeaving({ tools, transfer, state }: CallRecord): boolean {
  const last = tools.at(-1);
  if (last === undefined || last.outcome !== "ok" || state === "ended") return false;
  if (last.name === "end_call") return true;
  if (last.name !== "transfer_call") return false;
  return transfer === null || transfer.requestedMs < last.atMs - last.ms;
}

function stateOf(record: CallRecord | null): string {
  if (record === null || record.state === "ended") return "over";
  return record.transfer === null ? "not connected" : "with a human";
}
