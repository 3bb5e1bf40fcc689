import { once } from "node:events";
import WebSocket from "ws";

/** An operator who listens to a call: `GET /api/calls/:callSid/listen`. */
export interface Listener {
  readonly told: readonly { readonly type: string; readonly listener?: number }[];
  readonly closed: Promise<number>;
  /** All mu-law audio of one direction so far: 0 the caller's, 1 the agent's. */
  heard(direction: number): Buffer;
  /** The microphone. */
  speak(ulaw: Uint8Array): void;
  close(): void;
  /** Ends the connection without a word. */
  terminate(): void;
}

const HEADER_BYTES = 8;

/** @throws Error with the HTTP status when the upgrade is refused. */
export async function listen(
  adminPort: number,
  callSid: string,
  token: string | null = null,
): Promise<Listener> {
  const socket = new WebSocket(`ws://127.0.0.1:${adminPort}/api/calls/${callSid}/listen`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  const audio: Buffer[][] = [[], [], []];
  const told: { type: string }[] = [];
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) audio[data[0] ?? 0]?.push(data.subarray(HEADER_BYTES));
    else told.push(JSON.parse(data.toString()));
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  await once(socket, "open");
  return {
    told,
    closed,
    heard: (direction) => Buffer.concat(audio[direction] ?? []),
    speak: (ulaw) => socket.send(ulaw),
    close: () => socket.close(),
    terminate: () => socket.terminate(),
  };
}
