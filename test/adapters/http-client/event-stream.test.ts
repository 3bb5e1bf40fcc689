import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openEventStream } from "../../../src/adapters/http-client/event-stream.js";
import { Network } from "../../../src/adapters/network/network.js";

let server: Server;
let answer: (response: ServerResponse) => void;
beforeEach(async () => {
  server = createServer((_, response) => answer(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function open(signal = new AbortController().signal) {
  const { port } = server.address() as AddressInfo;
  return openEventStream(new URL(`http://127.0.0.1:${port}/`), {}, new Network().agents(), signal);
}

async function all(events: AsyncIterable<string>): Promise<string[]> {
  const read: string[] = [];
  for await (const event of events) read.push(event);
  return read;
}

describe("openEventStream", () => {
  it("yields the data of each event, however the stream is cut, and leaves comments out", async () => {
    const parts = [
      ":\n\nda",
      "ta: one\n",
      "\ndata:two\ndata: more\n\n:\n\nevent: x\n",
      "data: 3\n\n",
    ];
    answer = (response) => {
      const next = (): void => {
        const part = parts.shift();
        if (part === undefined) response.end("data: unfinished");
        else response.write(part, () => setImmediate(next));
      };
      next();
    };
    const stream = await open();
    if (!("events" in stream)) throw new Error("no stream");
    expect(await all(stream.events)).toEqual(["one", "two\nmore", "3"]);
  });

  it("returns a refusal with its text", async () => {
    answer = (response) => response.writeHead(401).end("unauthorized");
    expect(await open()).toEqual({ status: 401, body: "unauthorized" });
  });

  it("fails when nothing answers", async () => {
    const { port } = server.address() as AddressInfo;
    server.close();
    const opened = openEventStream(
      new URL(`http://127.0.0.1:${port}/`),
      {},
      new Network().agents(),
      new AbortController().signal,
    );
    await expect(opened).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("ends when the signal says so", async () => {
    answer = (response) => response.write("data: one\n\n");
    const stop = new AbortController();
    const stream = await open(stop.signal);
    if (!("events" in stream)) throw new Error("no stream");
    const reading = (async () => {
      for await (const _ of stream.events) stop.abort();
    })();
    await expect(reading).rejects.toThrow("aborted");
  });
});
