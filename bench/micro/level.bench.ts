import { bench, describe } from "vitest";
import { levelDbov } from "../../src/codec/level.js";

describe("level, one frame", () => {
  const ulaw = Uint8Array.from({ length: 160 }, (_, i) => (i * 37) & 0xff);
  bench("levelDbov", () => {
    levelDbov(ulaw, 0, ulaw.length);
  });
});
