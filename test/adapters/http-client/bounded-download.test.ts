import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { boundedDownload } from "../../../src/adapters/http-client/bounded-download.js";
import { type Peer, peer } from "../../fakes/media-peers.js";

describe("boundedDownload", () => {
  let server: Peer;
  afterEach(async () => await server.close());
  const never = new AbortController().signal;
  const pattern = Buffer.from(
    Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7 + (i >> 9)) & 0xff),
  );

  it("gives all of a body in order to a slow reader", async () => {
    server = await peer((_, response) => response.end(pattern));
    const answer = await boundedDownload(new URL("/x?y=1", server.url), {}, never);
    expect(answer.head.headers.get("content-length")).toBe(String(pattern.length));
    const got: Buffer[] = [];
    await answer.read(async (piece) => {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      got.push(Buffer.from(piece));
    });
    answer.close();
    expect(Buffer.concat(got).equals(pattern)).toBe(true);
  });

  it("sends path, query, host and headers", async () => {
    const seen: unknown[] = [];
    server = await peer((request, response) => {
      seen.push(request.method, request.url, request.headers);
      response.end();
    });
    const answer = await boundedDownload(
      new URL("/a%20b?c=d&e", server.url),
      { authorization: "Basic x" },
      never,
    );
    answer.close();
    const host = new URL(server.url).host;
    expect(seen).toEqual([
      "GET",
      "/a%20b?c=d&e",
      { host, connection: "close", authorization: "Basic x" },
    ]);
  });

  it("gives what came before the line broke, then the failure", async () => {
    server = await peer((_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("some", () => setImmediate(() => response.destroy()));
    });
    const answer = await boundedDownload(new URL(server.url), {}, never);
    let got = "";
    await expect(
      answer.read(async (piece) => {
        got += piece.toString();
      }),
    ).rejects.toThrow();
    answer.close();
    expect(got).toBe("some");
  });

  it("rejects with what the taker rejects with, and lets go of the connection", async () => {
    let closed: Promise<unknown> | null = null;
    server = await peer((_, response) => {
      closed = once(response, "close");
      response.write(pattern);
    });
    const answer = await boundedDownload(new URL(server.url), {}, never);
    await expect(answer.read(() => Promise.reject(new Error("full")))).rejects.toThrow("full");
    answer.close();
    await closed;
  });

  it("ends with the signal, before the head and in the middle of the body", async () => {
    const gate = new AbortController();
    server = await peer((request, response) => {
      if (request.url === "/head") return;
      response.writeHead(200, { "content-length": 10 });
      response.write("x");
    });
    const head = boundedDownload(new URL("/head", server.url), {}, gate.signal);
    const answer = await boundedDownload(new URL("/body", server.url), {}, gate.signal);
    const body = answer.read(async () => {});
    gate.abort(new Error("time is up"));
    await expect(head).rejects.toThrow("time is up");
    await expect(body).rejects.toThrow("time is up");
    answer.close();
    await expect(boundedDownload(new URL(server.url), {}, gate.signal)).rejects.toThrow(
      "time is up",
    );
  });

  it("rejects when nothing listens", async () => {
    server = await peer((_, response) => response.end());
    const { url } = server;
    await server.close();
    await expect(boundedDownload(new URL(url), {}, never)).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    server = await peer((_, response) => response.end());
  });
});
