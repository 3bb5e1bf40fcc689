/** What a page of the console plays and sends, kept in the page for a test to read. */
import type { Page } from "playwright-core";
import { ulawToLinear } from "../../src/codec/ulaw.js";

/** Keeps what is played: `played[0]` on the left, `played[1]` on the right. */
export const KEEP_OUTPUT = `
  window.played = [[], []];
  window.heardAtMs = [];
  let lastLoudMs = -Infinity;
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode && !(this instanceof ScriptProcessorNode)) {
      const tap = this.context.createScriptProcessor(512, 2, 2);
      tap.onaudioprocess = ({ inputBuffer }) => {
        const nowMs = performance.timeOrigin + performance.now();
        const left = inputBuffer.getChannelData(0);
        const loud = left.findIndex((sample) => Math.abs(sample) > 0.02);
        if (loud >= 0) {
          // When the first loud sample after a pause went into this node.
          const atMs = nowMs - (left.length - loud) / 8;
          if (nowMs - lastLoudMs > 500) window.heardAtMs.push(atMs);
          lastLoudMs = nowMs;
        }
        for (const side of [0, 1]) window.played[side].push(...inputBuffer.getChannelData(side));
      };
      connect.call(this, tap);
      connect.call(tap, target);
    }
    return connect.call(this, target, ...rest);
  };
`;

/** Keeps the binary messages that are sent: the microphone's frames. */
const KEEP_SPOKEN = `
  window.spoken = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (typeof data !== "string") window.spoken.push(Array.from(data));
    return send.call(this, data);
  };
`;

export async function keepAudio(page: Page): Promise<void> {
  await page.addInitScript(KEEP_OUTPUT);
  await page.addInitScript(KEEP_SPOKEN);
}

/** What was played on one side so far: 0 left, the caller; 1 right, what they hear. */
export async function played(page: Page, side: 0 | 1): Promise<number[]> {
  return sound(await page.evaluate<number[]>(`window.played[${side}]`));
}

/** When sound began on the left after half a second of silence, each time: epoch ms. */
export function heardAt(page: Page): Promise<number[]> {
  return page.evaluate<number[]>("window.heardAtMs");
}

/** The microphone's frames so far, 160 bytes of mu-law each. */
export async function spoken(page: Page): Promise<Buffer[]> {
  const frames = await page.evaluate<number[][]>("window.spoken");
  return frames.map((frame) => Buffer.from(frame));
}

/** Without the silence before, behind and between: digital silence is exactly 0. */
function sound(samples: readonly number[]): number[] {
  return samples.map((sample) => Math.round(sample * 32_768)).filter((sample) => sample !== 0);
}

/** The samples of mu-law audio, likewise without silence. */
export function decoded(ulaw: Uint8Array): number[] {
  return [...ulaw].map((byte) => ulawToLinear[byte]!).filter((sample) => sample !== 0);
}
