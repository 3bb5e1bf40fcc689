import type { ItemId, ResponseId } from "../../domain/ids.js";
import type { CallEventLog } from "../call/call-event-log.js";
import type { ResponseEnd } from "../model/model-session.js";

/** Usual speed of speech, to estimate how long the sound of a text is. */
const CHARACTERS_A_SECOND = 15;

/**
 * From the estimated end of the words: speech may be this much slower. The server reports the end
 * of playback only when the response is over, and not at all to a connection that is lost.
 */
const SLOWER_MS = 2_500;

interface SpokenItem {
  readonly itemId: ItemId;
  readonly responseId: ResponseId | null;
  text: string;
  beganMs: number | null;
}

/**
 * Keeps account of what the caller hears of a model whose sound the relay does not carry. Texts
 * come over the model's socket, and the server reports when it starts and stops playing each
 * response. Items are heard in the order of their texts.
 */
export class ServerPlayback {
  readonly #eventLog: CallEventLog;
  readonly #nowMs: () => number;
  readonly #began: (itemId: ItemId) => void;
  #items: SpokenItem[] = [];
  /** The response whose texts are arriving. */
  #generating: ResponseId | null = null;
  /** The last response that had words. */
  #worded: ResponseId | null = null;
  #isPlaying = false;
  /** The server has reported at least once when it plays. */
  #isReported = false;
  /** When the server last began to play. */
  #startedMs = Number.NEGATIVE_INFINITY;
  #cutMs: ReadonlyMap<ItemId, number> = new Map();

  /** @param began  called for each item when the caller begins to hear it. */
  constructor(eventLog: CallEventLog, nowMs: () => number, began: (itemId: ItemId) => void) {
    this.#eventLog = eventLog;
    this.#nowMs = nowMs;
    this.#began = began;
  }

  /** The server has started playing and has not reported the end. */
  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  /** The caller hears the model: the server plays, and there are words enough for that. */
  isAudible(nowMs: number): boolean {
    return this.#isPlaying && nowMs < this.#longestUntilMs() + SLOWER_MS;
  }

  /** When the words that are being played end at the latest, by their length. */
  #longestUntilMs(): number {
    let beganMs = this.#startedMs;
    let sumMs = 0;
    for (const item of this.#items) {
      if (item.beganMs === null) continue;
      beganMs = Math.min(beganMs, item.beganMs);
      sumMs += lengthMs(item.text);
    }
    return beganMs + sumMs;
  }

  /** The model has said something that the caller has not heard to its end. */
  get isPending(): boolean {
    return this.#items.length > 0;
  }

  /** Sound of an item, which may come without words. Called for each delta of audio. */
  sound(itemId: ItemId): void {
    for (const one of this.#items) if (one.itemId === itemId) return;
    this.text(itemId, "", false);
  }

  /**
   * A response is complete. If the server has never reported when it plays, the relay assumes that
   * it plays the response now.
   *
   * @returns whether the caller hears something of it, now or later.
   */
  responseDone({ responseId, status }: Pick<ResponseEnd, "responseId" | "status">): boolean {
    const hasWords = this.#hasWordsOf(responseId);
    if (hasWords && status !== "cancelled" && !this.#isReported) {
      const earlier = this.#items.filter((item) => item.responseId !== responseId);
      this.#items = this.#items.filter((item) => item.responseId === responseId);
      this.#tell(earlier, false);
      this.#started(responseId);
    }
    return hasWords;
  }

  /** A server that reports when it stops playing also does so at an interruption. */
  callerSpoke(): void {
    if (!this.#isPlaying || this.#isReported) return;
    if (this.#nowMs() < this.#longestUntilMs()) this.interrupted();
    else this.#heardOut(null);
  }

  #hasWordsOf(responseId: ResponseId): boolean {
    return this.#worded === responseId || this.#items.some((one) => one.responseId === responseId);
  }

  /** About how long it takes until the caller has heard everything that was said, in ms. */
  remainingMs(nowMs: number): number {
    let sumMs = 0;
    for (const { text, beganMs } of this.#items)
      sumMs += Math.max(0, lengthMs(text) - (beganMs === null ? 0 : nowMs - beganMs));
    return sumMs;
  }

  responseStarted(responseId: ResponseId): void {
    this.#generating = responseId;
  }

  text(itemId: ItemId, text: string, final: boolean): void {
    this.#worded = this.#generating;
    let item = this.#items.find((one) => one.itemId === itemId);
    if (item === undefined) {
      item = { itemId, responseId: this.#generating, text: "", beganMs: null };
      this.#items.push(item);
      if (this.#isPlaying && this.#items[0]?.responseId === item.responseId) this.#begin(item);
    }
    item.text = final ? text : item.text + text;
    this.#eventLog.agentText(itemId, text, final, lengthMs(item.text));
  }

  /** @param responseId  null: the server does not name it. */
  happened(what: "started" | "stopped" | "cleared", responseId: ResponseId | null): void {
    this.#isReported = true;
    switch (what) {
      case "started":
        this.#started(responseId);
        return;
      case "stopped":
        this.#heardOut(responseId);
        return;
      case "cleared":
        this.interrupted();
    }
  }

  #started(responseId: ResponseId | null): void {
    this.#isPlaying = true;
    this.#startedMs = this.#nowMs();
    for (const item of this.#items) if (isOf(item, responseId)) this.#begin(item);
  }

  /**
   * The caller has heard a response to its end. Words of a later one may still wait.
   */
  #heardOut(responseId: ResponseId | null): void {
    this.#isPlaying = false;
    const heard = this.#items.filter((item) => isOf(item, responseId));
    this.#items = this.#items.filter((item) => !isOf(item, responseId));
    this.#tell(heard, false);
  }

  /** The server truncates its memory of an item, before or after it reports the end of playback. */
  cut(itemId: ItemId, heardMs: number): void {
    this.#cutMs = new Map([[itemId, heardMs]]);
  }

  /** The caller hears nothing more of what was said. */
  interrupted(): void {
    this.#isPlaying = false;
    const items = this.#items;
    this.#items = [];
    this.#tell(items, true);
  }

  #begin(item: SpokenItem): void {
    if (item.beganMs !== null) return;
    item.beganMs = this.#nowMs();
    this.#began(item.itemId);
  }

  #tell(items: readonly SpokenItem[], cut: boolean): void {
    for (const item of items) {
      // The caller heard it to its end, although the server did not report its start.
      if (!cut) this.#begin(item);
      const beganMs = item.beganMs ?? this.#nowMs();
      const playedMs = Math.max(0, Math.round(this.#nowMs() - beganMs));
      const heardMs = cut ? (this.#cutMs.get(item.itemId) ?? playedMs) : playedMs;
      const receivedMs = cut ? Math.max(heardMs, lengthMs(item.text)) : heardMs;
      const { itemId, responseId } = item;
      this.#eventLog.agentHeard(
        {
          itemId,
          responseId: responseId ?? ("" as ResponseId),
          contentIndex: 0,
          heardMs,
          receivedMs,
          cut,
        },
        cut,
      );
    }
  }
}

/** A report without a response id applies to all items. */
function isOf(item: SpokenItem, responseId: ResponseId | null): boolean {
  return responseId === null || item.responseId === null || item.responseId === responseId;
}

function lengthMs(text: string): number {
  return Math.round((text.length / CHARACTERS_A_SECOND) * 1000);
}
