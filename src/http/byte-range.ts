/** Files of any length by parts (RFC 9110, section 14). */
import { json, type Reply } from "./reply.js";

/** A part of a file. At its end `bytes` may be fewer than were asked for. */
export interface BytePart {
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
}

/** Null: there is no such file. */
export type ByteReader = (fromByte: number, maxBytes: number) => Promise<BytePart | null>;

/**
 * @param range         the header; "" or one that cannot be understood: the whole file.
 * @param maxPartBytes  that are read at once. A part is never longer; a whole file is sent in
 *                      several, as fast as the peer reads.
 * @returns             null: there is no such file.
 */
export async function rangedReply(
  range: string,
  type: string,
  read: ByteReader,
  maxPartBytes: number,
): Promise<Reply | null> {
  const match = /^bytes=(\d{1,12})-(\d{1,12})?$/.exec(range);
  const from = Number(match?.[1] ?? 0);
  const wanted = match?.[2] === undefined ? maxPartBytes : Number(match[2]) - from + 1;
  const part = await read(from, Math.min(maxPartBytes, Math.max(0, wanted)));
  if (part === null) return null;
  const { bytes, sizeBytes } = part;
  const headers = { "Accept-Ranges": "bytes" };
  if (match === null)
    return bytes.length >= sizeBytes
      ? { status: 200, type, body: bytes, headers }
      : { status: 200, type, chunks: all(part, read, maxPartBytes), headers };
  if (bytes.length === 0)
    return {
      ...json(416, { error: "range" }),
      headers: { "Content-Range": `bytes */${sizeBytes}` },
    };
  return {
    status: 206,
    type,
    body: bytes,
    headers: {
      ...headers,
      "Content-Range": `bytes ${from}-${from + bytes.length - 1}/${sizeBytes}`,
    },
  };
}

async function* all(
  first: BytePart,
  read: ByteReader,
  maxPartBytes: number,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let part: BytePart | null = first; part !== null; part = await read(at, maxPartBytes)) {
    if (part.bytes.length === 0) return;
    yield part.bytes;
    at += part.bytes.length;
    if (at >= part.sizeBytes) return;
  }
  throw new Error("the file has gone while it was being sent");
}
