/**
 * The relay's base64 against Buffer's native codec, which needs a string in between (the audio is
 * bytes in a message) and accepts malformed text.
 *
 * Measured on Node 20.20.2, two shared cores, 2026-11-21, outside vitest (whose module wrapper
 * slows calls between files): 160 bytes take 0.30 us against 0.25 us, 1,600 bytes 2.9 us against
 * 0.5 us, 32,000 bytes 56 us against 7 us. The native codec is faster, most on large deltas. A
 * second of the model's audio costs the loop 14 us per call, 0.7 % of a core for 500 calls: the
 * price of allocating nothing and of refusing text that is not canonical.
 */
import { bench, describe } from "vitest";
import { decodeBase64, encodeBase64, isBase64 } from "../../src/codec/base64.js";

for (const bytes of [160, 4000, 32_000]) {
  describe(`base64 of ${bytes} bytes`, () => {
    const audio = Uint8Array.from({ length: bytes }, (_, i) => (i * 37) & 0xff);
    const text = new Uint8Array(Buffer.from(Buffer.from(audio).toString("base64"), "latin1"));
    const out = new Uint8Array(bytes);
    const encoded = new Uint8Array(text.length);
    const message = Buffer.from(text.buffer, text.byteOffset, text.length);
    const native = Buffer.from(out.buffer, out.byteOffset, out.length);
    bench("decodeBase64", () => {
      if (decodeBase64(text, 0, text.length, out, 0) !== bytes) throw new Error("refused");
    });
    bench("Buffer: toString, write (decode)", () => {
      native.write(message.toString("latin1"), 0, bytes, "base64");
    });
    bench("isBase64", () => {
      if (!isBase64(text, 0, text.length)) throw new Error("refused");
    });
    bench("encodeBase64", () => {
      encodeBase64(audio, 0, bytes, encoded, 0);
    });
    bench("Buffer: toString, write (encode)", () => {
      message.write(native.toString("base64"), 0, "latin1");
    });
  });
}
