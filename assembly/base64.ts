/** Base64 (RFC 4648, section 4), 16 characters at a time. Only the canonical form is accepted. */

const PAD: u8 = 0x3d;

function inRange(c: v128, low: i8, high: i8): v128 {
  return v128.and(i8x16.ge_u(c, i8x16.splat(low)), i8x16.le_u(c, i8x16.splat(high)));
}

/** What to add to a character to get its value: 0 for one outside the alphabet. */
function toValue(c: v128): v128 {
  const upper = v128.and(inRange(c, 65, 90), i8x16.splat(-65));
  const lower = v128.and(inRange(c, 97, 122), i8x16.splat(-71));
  const digit = v128.and(inRange(c, 48, 57), i8x16.splat(4));
  const plus = v128.and(i8x16.eq(c, i8x16.splat(43)), i8x16.splat(19));
  const slash = v128.and(i8x16.eq(c, i8x16.splat(47)), i8x16.splat(16));
  return v128.or(v128.or(upper, lower), v128.or(digit, v128.or(plus, slash)));
}

function value(c: u32): u32 {
  if (c - 65 < 26) return c - 65;
  if (c - 97 < 26) return c - 71;
  if (c - 48 < 10) return c + 4;
  if (c === 43) return 62;
  if (c === 47) return 63;
  return 0xff;
}

/**
 * Decodes `length` characters from `src` on to `dst`.
 *
 * @returns  bytes written; -1: the text is not canonical.
 */
export function decodeBase64(src: usize, length: i32, dst: usize): i32 {
  if ((length & 3) !== 0) return -1;
  if (length === 0) return 0;
  const end = src + <usize>length;
  const pads = load<u8>(end - 1) !== PAD ? 0 : load<u8>(end - 2) !== PAD ? 1 : 2;
  const wholeEnd = pads === 0 ? end : end - 4;
  let at = src;
  let out = dst;
  let unknown = i8x16.splat(0);
  // A store writes 16 bytes, of which 12 count: the last groups are left to the loop below.
  const outEnd = dst + <usize>((length >> 2) * 3 - pads);
  for (; at + 16 <= wholeEnd && out + 16 <= outEnd; at += 16, out += 12) {
    const c = v128.load(at);
    const add = toValue(c);
    unknown = v128.or(unknown, i8x16.eq(add, i8x16.splat(0)));
    const v = i8x16.add(c, add);
    // Two values in 12 bits of each 16, then four in 24 bits of each 32; the first one is the
    // highest.
    const pairs = v128.or(i16x8.shl(v128.and(v, i16x8.splat(0x00ff)), 6), i16x8.shr_u(v, 8));
    const low = v128.and(pairs, i32x4.splat(0x0000ffff));
    const groups = v128.or(i32x4.shl(low, 12), i32x4.shr_u(pairs, 16));
    v128.store(
      out,
      i8x16.shuffle(groups, groups, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 0, 0, 0, 0),
    );
  }
  let bad: u32 = v128.any_true(unknown) ? 0xff : 0;
  for (; at < wholeEnd; at += 4, out += 3) {
    const a = value(load<u8>(at));
    const b = value(load<u8>(at, 1));
    const c = value(load<u8>(at, 2));
    const d = value(load<u8>(at, 3));
    bad |= a | b | c | d;
    const group = (a << 18) | (b << 12) | (c << 6) | d;
    store<u8>(out, group >> 16);
    store<u8>(out, group >> 8, 1);
    store<u8>(out, group, 2);
  }
  if (pads !== 0) {
    const a = value(load<u8>(at));
    const b = value(load<u8>(at, 1));
    bad |= a | b;
    store<u8>(out++, (a << 2) | (b >> 4));
    if (pads === 1) {
      const c = value(load<u8>(at, 2));
      bad |= c;
      if ((c & 3) !== 0) return -1;
      store<u8>(out++, (b << 4) | (c >> 2));
    } else if ((b & 15) !== 0) return -1;
  }
  return bad > 63 ? -1 : <i32>(out - dst);
}

function toText(v: v128): v128 {
  const from52 = i8x16.ge_u(v, i8x16.splat(52));
  let add = v128.bitselect(i8x16.splat(-4), i8x16.splat(71), from52);
  add = v128.bitselect(add, i8x16.splat(65), i8x16.ge_u(v, i8x16.splat(26)));
  add = v128.bitselect(i8x16.splat(-19), add, i8x16.eq(v, i8x16.splat(62)));
  add = v128.bitselect(i8x16.splat(-16), add, i8x16.eq(v, i8x16.splat(63)));
  return i8x16.add(v, add);
}

function symbol(v: u32): u32 {
  const six = v & 63;
  if (six < 26) return six + 65;
  if (six < 52) return six + 71;
  if (six < 62) return six - 4;
  return six === 62 ? 43 : 47;
}

/**
 * Encodes `length` bytes from `src` on, where up to 4 bytes more may be read, to `dst`.
 *
 * @returns  characters written, padding included.
 */
export function encodeBase64(src: usize, length: i32, dst: usize): i32 {
  const tail = length % 3;
  const wholeEnd = src + <usize>(length - tail);
  let at = src;
  let out = dst;
  for (; at + 12 <= wholeEnd; at += 12, out += 16) {
    // Each group of three bytes becomes 24 bits of a lane, the first byte being the highest.
    const b = v128.load(at);
    const groups = v128.and(
      i8x16.shuffle(b, b, 2, 1, 0, 0, 5, 4, 3, 3, 8, 7, 6, 6, 11, 10, 9, 9),
      i32x4.splat(0x00ffffff),
    );
    const first = i32x4.shr_u(groups, 18);
    const second = v128.and(i32x4.shr_u(groups, 4), i32x4.splat(0x00003f00));
    const third = v128.and(i32x4.shl(groups, 10), i32x4.splat(0x003f0000));
    const fourth = v128.and(i32x4.shl(groups, 24), i32x4.splat(0x3f000000));
    v128.store(out, toText(v128.or(v128.or(first, second), v128.or(third, fourth))));
  }
  for (; at < wholeEnd; at += 3, out += 4) {
    const group =
      ((<u32>load<u8>(at)) << 16) | ((<u32>load<u8>(at, 1)) << 8) | <u32>load<u8>(at, 2);
    store<u8>(out, symbol(group >> 18));
    store<u8>(out, symbol(group >> 12), 1);
    store<u8>(out, symbol(group >> 6), 2);
    store<u8>(out, symbol(group), 3);
  }
  if (tail !== 0) {
    const a = <u32>load<u8>(at);
    const b = tail === 2 ? <u32>load<u8>(at, 1) : 0;
    store<u8>(out, symbol(a >> 2));
    store<u8>(out, symbol((a << 4) | (b >> 4)), 1);
    store<u8>(out, tail === 2 ? symbol(b << 2) : PAD, 2);
    store<u8>(out, PAD, 3);
    out += 4;
  }
  return <i32>(out - dst);
}
