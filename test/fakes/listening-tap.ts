/** How late a page of the console plays what a caller says, by numbers in the sound itself. */
import type { Browser, Page } from "playwright-core";
import { FRAME_BYTES, type Voice } from "../../sim/twilio/voice.js";
import { openPage, type WatchedPage } from "./chromium.js";

/** Frames are numbered anew after this many, one second. */
export const NUMBERS = 50;

/** Mu-law bytes in order: -24 to 24 quiet values, which a listener may skip as a pause. */
const codeOf = (number: number): number =>
  number < NUMBERS / 2 ? 0xfe - number : 0x7e - (number - NUMBERS / 2);

/** A caller whose every frame says its number. */
export class NumberedVoice implements Voice {
  /** Epoch ms at which each frame left the phone, of all frames so far. */
  readonly leftMs: number[] = [];

  next(out: Uint8Array, at: number): void {
    out.fill(codeOf(this.leftMs.length % NUMBERS), at, at + FRAME_BYTES);
    this.leftMs.push(Date.now());
  }
}

/**
 * Runs on the audio thread behind the player: tells each number that comes out on the left, and when.
 * `Date` is the clock that this thread shares with the process of the test.
 */
const TAP = `
  class Tap extends AudioWorkletProcessor {
    #last = NaN;
    process([[left]], [outputs]) {
      if (left !== undefined) {
        outputs.forEach((output) => output.fill(0));
        for (const sample of left) {
          if (sample === this.#last) continue;
          this.#last = sample;
          this.port.postMessage([Math.round(sample * 32768), Date.now()]);
        }
      }
      return true;
    }
  }
  registerProcessor("tap", Tap);
`;

/** In the page: `window.numbers` as they come out; `window.behind` at each message of the caller. */
const PAGE = `
  window.numbers = [];
  window.behind = [];
  let played = null;
  const addModule = AudioWorklet.prototype.addModule;
  AudioWorklet.prototype.addModule = async function (url) {
    const tap = new Blob([${JSON.stringify(TAP)}], { type: "text/javascript" });
    await addModule.call(this, URL.createObjectURL(tap));
    await addModule.call(this, url);
  };
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (!(target instanceof AudioDestinationNode)) return connect.call(this, target, ...rest);
    const tap = new AudioWorkletNode(this.context, "tap", { outputChannelCount: [2] });
    tap.port.onmessage = ({ data: [linear, atMs] }) => {
      const number = window.codes[linear];
      if (number === undefined) return;
      played = number;
      window.numbers.push([number, atMs]);
    };
    connect.call(this, tap);
    return connect.call(tap, target);
  };
  const Socket = WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        if (!(data instanceof ArrayBuffer) || new Uint8Array(data)[0] !== 0) return;
        const received = window.codeBytes[new Uint8Array(data).at(-1)];
        if (received === undefined || played === null) return;
        window.behind.push((received - played + ${NUMBERS}) % ${NUMBERS});
      });
    }
  };
`;

/** A page that counts. The content security policy of the console would refuse the tap. */
export async function openCounting(
  browser: Browser,
  linearOf: ArrayLike<number>,
): Promise<WatchedPage> {
  const opened = await openPage(browser, { bypassCSP: true });
  const numbers = Array.from({ length: NUMBERS }, (_, number) => number);
  const codes = Object.fromEntries(numbers.map((number) => [linearOf[codeOf(number)], number]));
  const bytes = Object.fromEntries(numbers.map((number) => [codeOf(number), number]));
  await opened.page.addInitScript(
    `window.codes = ${JSON.stringify(codes)}; window.codeBytes = ${JSON.stringify(bytes)};${PAGE}`,
  );
  return opened;
}

/** By how many frames playback is behind what has arrived, at each message of the caller so far. */
export const framesBehind = (page: Page): Promise<number[]> =>
  page.evaluate<number[]>("window.behind");

/** Numbers that came out so far, and the epoch ms of each. */
export const numbersOut = (page: Page): Promise<[number, number][]> =>
  page.evaluate<[number, number][]>("window.numbers");
