import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Certificate } from "./certificate.js";

export interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

/** An HTTP server on loopback, port 0; with a certificate HTTPS. */
export async function peer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  tls?: Certificate,
): Promise<Peer> {
  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A transcription request as it arrived. */
export interface TranscriptionRequest {
  readonly fields: Readonly<Record<string, string>>;
  readonly audio: Buffer;
  readonly authorization: string;
}

/** Reads a multipart body as the real API would: by its boundary, the declared length held to. */
export async function readTranscription(request: IncomingMessage): Promise<TranscriptionRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (body.length !== Number(request.headers["content-length"])) throw new Error("wrong length");
  const boundary = /boundary=(.+)$/.exec(request.headers["content-type"] ?? "")?.[1];
  const fields: Record<string, string> = {};
  let audio = Buffer.alloc(0);
  const mark = Buffer.from(`--${boundary}`);
  for (let at = body.indexOf(mark); ; ) {
    const next = body.indexOf(mark, at + mark.length);
    if (next === -1) break;
    const part = body.subarray(at + mark.length + 2, next - 2);
    const split = part.indexOf("\r\n\r\n");
    const head = part.subarray(0, split).toString();
    const name = /name="([^"]+)"/.exec(head)?.[1] ?? "";
    if (name === "file") audio = part.subarray(split + 4);
    else fields[name] = part.subarray(split + 4).toString();
    at = next;
  }
  return { fields, audio, authorization: request.headers.authorization ?? "" };
}
