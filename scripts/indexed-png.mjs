// Makes a PNG of a browser's screenshot small: at most 256 colours, and the best compression.
import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const MAX_COLORS = 256;
const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** @param {Buffer} png 8 bits a channel, RGB or RGBA, not interlaced, as browsers write it. @returns {Buffer} */
export function indexed(png) {
  const { width, height, pixels } = decode(png);
  const counts = new Map();
  for (const color of pixels) counts.set(color, (counts.get(color) ?? 0) + 1);
  const palette = [...counts].sort(([a, m], [b, n]) => n - m || a - b).slice(0, MAX_COLORS);
  const colors = palette.map(([color]) => color);
  const places = new Map(colors.map((color, i) => [color, i]));
  const place = (color) => {
    const known = places.get(color);
    if (known !== undefined) return known;
    const nearest = nearestOf(colors, color);
    places.set(color, nearest);
    return nearest;
  };
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = place(pixels[y * width + x]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const table = Buffer.from(colors.flatMap((c) => [c >> 16, (c >> 8) & 0xff, c & 0xff]));
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", table),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function nearestOf(colors, color) {
  const part = (value, shift) => (value >> shift) & 0xff;
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const [i, other] of colors.entries()) {
    const away = [16, 8, 0].reduce(
      (sum, shift) => sum + (part(other, shift) - part(color, shift)) ** 2,
      0,
    );
    if (away < least) [best, least] = [i, away];
  }
  return best;
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  let crc = 0xffffffff;
  for (const byte of body) crc = CRC[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

/** @returns {{ width: number, height: number, pixels: Uint32Array }} 0xRRGGBB each. */
function decode(png) {
  const parts = [];
  let [width, height, bytes] = [0, 0, 0];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const name = png.toString("latin1", at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (name === "IHDR") {
      [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
      bytes = { 2: 3, 6: 4 }[data[9]] ?? 0;
      if (data[8] !== 8 || bytes === 0 || data[12] !== 0) throw new Error("not a browser's PNG");
    }
    if (name === "IDAT") parts.push(data);
    at += 12 + length;
  }
  const rows = unfiltered(inflateSync(Buffer.concat(parts)), width * bytes, height, bytes);
  const pixels = new Uint32Array(width * height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = rows.readUIntBE(i * bytes, 3);
  return { width, height, pixels };
}

/** Undoes the filters of PNG (RFC 2083, section 6). */
function unfiltered(raw, stride, height, bytes) {
  const rows = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const kind = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x >= bytes ? rows[at - bytes] : 0;
      const up = y > 0 ? rows[at - stride] : 0;
      const corner = x >= bytes && y > 0 ? rows[at - stride - bytes] : 0;
      const base = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][kind];
      rows[at] = raw[y * (stride + 1) + 1 + x] + base;
    }
  }
  return rows;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(guess - value));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
