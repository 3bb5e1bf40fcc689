import { bench, describe } from "vitest";
import { decodeUlaw, encodeUlaw } from "../../src/codec/ulaw.js";

describe("mu-law, one frame", () => {
  const ulaw = Uint8Array.from({ length: 160 }, (_, i) => (i * 37) & 0xff);
  const pcm = new Int16Array(160);
  decodeUlaw(ulaw, pcm);
  bench("decodeUlaw", () => {
    decodeUlaw(ulaw, pcm);
  });
  bench("encodeUlaw", () => {
    encodeUlaw(pcm, ulaw);
  });
});
