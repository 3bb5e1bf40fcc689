import type { ItemId, ResponseId } from "../../domain/ids.js";
import type { CallEventLog } from "../call/call-event-log.js";

/** Speech is about this fast; only for how much of a cut item was heard, where the length of its sound is not told. */
const CHARACTERS_A_SECOND = 15;

interface Spoken {
  readonly itemId: ItemId;
  text: string;
  beganMs: number | null;
}

/**
 * What the caller hears of a model whose sound is not ours: texts come by the sideband, and the server says when it begins and
 * ends to play. Which item plays is told by the order of their texts.
 */
export class ServerPlayback {
  readonly #story: CallEventLog;
  readonly #nowMs: () => number;
  readonly #voiceToVoice: (seconds: number) => void;
  #items: Spoken[] = [];
  #playing = false;
  #cutMs: ReadonlyMap<ItemId, number> = new Map();

  constructor(story: CallEventLog, nowMs: () => number, voiceToVoice: (seconds: number) => void) {
    this.#story = story;
    this.#nowMs = nowMs;
    this.#voiceToVoice = voiceToVoice;
  }

  /** The caller hears the model. */
  get speaking(): boolean {
    return this.#playing;
  }

  /** Something was said of which the end has not been heard. */
  get spokeLately(): boolean {
    return this.#items.length > 0;
  }

  text(itemId: ItemId, text: string, final: boolean): void {
    let item = this.#items.find((one) => one.itemId === itemId);
    if (item === undefined) {
      item = { itemId, text: "", beganMs: null };
      this.#items.push(item);
      if (this.#playing) this.#begin(item);
    }
    item.text = final ? text : item.text + text;
    this.#story.agentText(itemId, text, final, lengthMs(item.text));
  }

  began(): void {
    this.#playing = true;
    for (const item of this.#items) this.#begin(item);
  }

  #begin(item: Spoken): void {
    if (item.beganMs !== null) return;
    item.beganMs = this.#nowMs();
    const ms = this.#story.agentBegan(item.itemId);
    if (ms !== null) this.#voiceToVoice(ms / 1000);
  }

  heardOut(): void {
    this.#finish(false);
  }

  /** The server cuts its memory of an item: before or after it says that it has stopped to play. */
  cut(itemId: ItemId, heardMs: number): void {
    this.#cutMs = new Map([[itemId, heardMs]]);
  }

  interrupted(): void {
    this.#finish(true);
  }

  /** Nothing more is heard of the model. */
  silenced(): void {
    this.#finish(true);
  }

  #finish(cut: boolean): void {
    this.#playing = false;
    const items = this.#items;
    this.#items = [];
    for (const item of items) {
      const beganMs = item.beganMs ?? this.#nowMs();
      // Generated and never heard: that, too, is part of the story.
      this.#begin(item);
      const playedMs = Math.max(0, Math.round(this.#nowMs() - beganMs));
      const heardMs = cut ? (this.#cutMs.get(item.itemId) ?? playedMs) : playedMs;
      const receivedMs = cut ? Math.max(heardMs, lengthMs(item.text)) : heardMs;
      this.#story.agentHeard(
        {
          itemId: item.itemId,
          responseId: "" as ResponseId,
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

function lengthMs(text: string): number {
  return Math.round((text.length / CHARACTERS_A_SECOND) * 1000);
}
