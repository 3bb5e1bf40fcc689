/** Arbitrary spellings of a JSON message, for holding a scanner of bytes against JSON.parse. */
import * as fc from "fast-check";

/** JSON text of a value, or of an object whose members have an order of their own. */
export type Spelling = fc.Arbitrary<string>;

const space = fc.oneof(
  { weight: 6, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 }),
  },
);

/** Now and then a character of a string is spelled as an escape. */
export function spelledString(text: string): Spelling {
  const plain = JSON.stringify(text);
  if (text.length === 0) return fc.constant(plain);
  const escaped = fc.nat({ max: text.length - 1 }).map((at) => {
    const spelled =
      text[at] === "/" ? "\\/" : `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`;
    return `"${JSON.stringify(text.slice(0, at)).slice(1, -1)}${spelled}${JSON.stringify(text.slice(at + 1)).slice(1, -1)}"`;
  });
  return fc.oneof({ weight: 60, arbitrary: fc.constant(plain) }, { weight: 1, arbitrary: escaped });
}

/** Any JSON value, spelled with any white space; strings are mostly plain, some hold quotes, braces or UTF-8. */
export const anyValue: Spelling = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      "0",
      "-0",
      "1",
      "-12.50",
      "1e3",
      "2E-7",
      "1.5e+2",
      "true",
      "false",
      "null",
    ),
  },
  { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom(..."aZ09 ,:{}[]_-+/=") }).map(quote) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 6 }).map(quote) },
  {
    weight: 2,
    arbitrary: fc
      .json({ maxDepth: 3 })
      .map((json) => JSON.stringify(JSON.parse(json), null, 1))
      .filter((json) => !json.includes("\\")),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("[]", "{}", "[ ]", "{ }", '{"a":[1,{"b":"c"}]}', "[[[]],{}]"),
  },
);

/** One member: key and value as JSON text. */
export interface Member {
  readonly key: string;
  readonly value: string;
}

export function member(key: string, value: Spelling): fc.Arbitrary<Member> {
  return fc.record({ key: spelledString(key), value });
}

/** Keys of which none is known to the scanners, some nearly. */
const unknownMember: fc.Arbitrary<Member> = fc.record({
  key: fc
    .constantFrom(
      "x",
      "",
      "Event",
      "events",
      "medi",
      "payloads",
      "typ",
      "delt",
      "item",
      "__proto__",
    )
    .map(quote),
  value: anyValue,
});

/** An object with these members in any order, unknown ones among them, sometimes one of them twice. */
export function spelledObject(members: readonly fc.Arbitrary<Member>[]): Spelling {
  return fc
    .record({
      known: fc.tuple(...members),
      unknown: fc.array(unknownMember, { maxLength: 2 }),
      doubled: fc.oneof(
        { weight: 30, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.nat() },
      ),
      seed: fc.infiniteStream(fc.nat({ max: 1 << 30 })),
      spaces: fc.infiniteStream(space),
    })
    .map(({ known, unknown, doubled, seed, spaces }) => {
      const all = [...known, ...unknown];
      if (doubled !== null) all.push(all[doubled % all.length]!);
      const next = () => spaces.next().value;
      const order = all
        .map((entry) => ({ entry, rank: seed.next().value }))
        .sort((a, b) => a.rank - b.rank);
      const body = order.map(
        ({ entry }) => `${next()}${entry.key}${next()}:${next()}${entry.value}${next()}`,
      );
      return `${next()}{${body.join(",")}}${next()}`;
    });
}

/** A message, and the same with a byte changed, taken out or put in, cut off, or with something after it. */
export function spoiled(
  message: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<readonly [Uint8Array, Uint8Array]> {
  return fc
    .tuple(
      message,
      fc.nat(),
      fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('"\\,:{}[]0 \n'))),
    )
    .chain(([bytes, at, byte]) => {
      const i = at % (bytes.length + 1);
      return fc.constantFrom(
        [
          bytes,
          Uint8Array.from([...bytes.subarray(0, i), byte, ...bytes.subarray(i + 1)]),
        ] as const,
        [bytes, Uint8Array.from([...bytes.subarray(0, i), byte, ...bytes.subarray(i)])] as const,
        [bytes, Uint8Array.from([...bytes.subarray(0, i), ...bytes.subarray(i + 1)])] as const,
        [bytes, bytes.slice(0, i)] as const,
        [bytes, Uint8Array.from([...bytes, byte])] as const,
      );
    });
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export function quote(text: string): string {
  return JSON.stringify(text);
}

/** Nothing in it that a scanner may leave to the full parser: no escape, only ASCII. */
export function isPlain(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x7f && byte !== 0x5c);
}

/** Every object's keys differ from each other (JSON.parse cannot tell any more). */
export function hasDoubledKey(text: string, key: string): boolean {
  return text.split(quote(key)).length > 2;
}
