import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HttpResponseReader } from "../../src/wire/http-response.js";

interface Outcome {
  readonly status: number;
  readonly body: string;
  readonly done: boolean;
}

/** Feeds the text in the given pieces, then ends the connection. */
function readIn(pieces: readonly string[]): Outcome & { readonly reader: HttpResponseReader } {
  const reader = new HttpResponseReader();
  let body = "";
  for (const piece of pieces) {
    // Not at the start of its memory: what is read from a socket seldom is.
    const bytes = Buffer.from(`xx${piece}`, "latin1");
    const done = reader.read(bytes, 2, bytes.length, (from, to) => {
      body += bytes.toString("latin1", from, to);
    });
    if (done) break;
  }
  const done = reader.ended();
  return { reader, status: reader.head?.status ?? 0, body, done };
}

const WITH_LENGTH =
  "HTTP/1.1 200 OK\r\nContent-Type: audio/x-wav\r\nContent-Length: 11\r\n\r\nhello world";
const CHUNKED =
  'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n1;ext="1"\r\n \r\n005\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n';
const UNTIL_CLOSE = "HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello world";
const AFTER_CONTINUE = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${WITH_LENGTH}`;

describe("HttpResponseReader", () => {
  it.each([
    ["a length", WITH_LENGTH],
    ["chunks", CHUNKED],
    ["the end of the connection", UNTIL_CLOSE],
    ["announcements before it", AFTER_CONTINUE],
  ])("reads a body with %s, wherever it is cut", (_, text) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 6 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((to, i) => text.slice(places[i], to));
        expect(readIn(pieces)).toMatchObject({ status: 200, body: "hello world", done: true });
      }),
    );
    expect(readIn([...text])).toMatchObject({ status: 200, body: "hello world", done: true });
  });

  it("gives headers by lower-case name", () => {
    const { reader } = readIn([
      "HTTP/1.1 302 Found\r\nLOCATION:  http://x/ \r\nVia: a\r\nvia: b\r\ncontent-length: 0\r\n\r\n",
    ]);
    expect(reader.head?.status).toBe(302);
    expect(reader.head?.headers.get("location")).toBe("http://x/");
    expect(reader.head?.headers.get("via")).toBe("a, b");
    expect(reader.done).toBe(true);
  });

  it.each([204, 304])("knows that %i has no body", (status) => {
    expect(readIn([`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n`])).toMatchObject({
      status,
      body: "",
      done: true,
    });
  });

  it.each([
    ["a length", WITH_LENGTH],
    ["chunks", CHUNKED],
  ])("notices that a body with %s is cut short", (_, text) => {
    for (let length = 0; length < text.length; length++)
      expect(readIn([text.slice(0, length)]).done).toBe(false);
  });

  it.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9\r\n\r\n"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
    ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"],
    ["a header folded over two lines", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"],
    ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    [
      "a coding that was not asked for",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"],
    [
      "a chunk that is longer than it says",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    ],
    ["a head without an end", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(4_000)}`],
    [
      "a line without an end",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${"x".repeat(2_000)}`,
    ],
  ])("refuses %s", (_, text) => {
    expect(() => readIn([text])).toThrow(expect.objectContaining({ code: "wire_invalid" }));
    expect(() => readIn([...text])).toThrow(expect.objectContaining({ code: "wire_invalid" }));
  });
});
