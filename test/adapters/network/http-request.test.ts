import { afterEach, describe, expect, it } from "vitest";
import { AnswerTooLong, requestText } from "../../../src/adapters/network/http-request.js";
import { Network } from "../../../src/adapters/network/network.js";
import { type Peer, peer } from "../../fakes/media-peers.js";

const agents = new Network().agents();
let server: Peer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

const wanted = (changes: object = {}) => ({
  method: "GET",
  url: new URL("/a?b=c", server?.url ?? ""),
  timeoutMs: 2_000,
  maxBytes: 1_000,
  ...changes,
});

describe("a request for text", () => {
  it("sends method, path, headers and the body with its length", async () => {
    const seen: string[] = [];
    server = await peer((request, response) => {
      const { "x-a": a, "content-length": length } = request.headers;
      seen.push(`${request.method} ${request.url} ${a} ${length}`);
      response.writeHead(201, { "x-b": "2" }).end("fine");
    });
    const reply = await requestText(
      wanted({ method: "POST", headers: { "x-a": "1" }, body: "é" }),
      agents,
    );
    expect(seen).toEqual(["POST /a?b=c 1 2"]);
    expect(reply).toMatchObject({ status: 201, body: "fine", headers: { "x-b": "2" } });
  });

  it("declares an empty body as one of length 0", async () => {
    let length: string | undefined;
    server = await peer((request, response) => {
      length = request.headers["content-length"];
      response.end();
    });
    await requestText(wanted({ method: "POST", body: "" }), agents);
    expect(length).toBe("0");
  });

  it("fails when the answer is longer than its limit", async () => {
    server = await peer((_, response) => response.end("x".repeat(1_001)));
    await expect(requestText(wanted(), agents)).rejects.toBeInstanceOf(AnswerTooLong);
  });

  it("fails with TimeoutError when no answer comes, and when one stops in the middle", async () => {
    server = await peer((request, response) => {
      if (request.url === "/half") response.write("x");
    });
    for (const path of ["/none", "/half"]) {
      const url = new URL(path, server.url);
      await expect(requestText(wanted({ url, timeoutMs: 50 }), agents)).rejects.toMatchObject({
        name: "TimeoutError",
      });
    }
  });
});
