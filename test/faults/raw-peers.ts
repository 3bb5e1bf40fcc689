/** Peers that speak bytes. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Well-formed, and wrong. */
export const FORGED = `${"A".repeat(27)}=`;

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return socket;
}

/** Sends bytes and returns what comes back until the end, or for `waitMs`. */
export async function exchange(
  port: number,
  bytes: string | Uint8Array,
  waitMs = 1000,
): Promise<string> {
  const socket = await openSocket(port);
  let got = "";
  socket.on("data", (chunk) => {
    got += chunk.toString("latin1");
  });
  // A reset is an end like another.
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(bytes);
  await Promise.race([closed, sleep(waitMs)]);
  socket.destroy();
  return got;
}

export function postHead(path: string, length: number, more = ""): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: relay.test\r\nX-Twilio-Signature: ${FORGED}\r\n` +
    `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n${more}\r\n`
  );
}

/** Runs `work` for each number below `count`, at most `atOnce` at the same time. */
export async function inParallel(
  count: number,
  atOnce: number,
  work: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
