import { afterEach, describe, expect, it } from "vitest";
import { postJson, postText, probe } from "../../../src/adapters/http-client/http-probe.js";
import { type Peer, peer } from "../../fakes/media-peers.js";

let server: Peer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

describe("a probe", () => {
  it("gives status, body and the server's time", async () => {
    server = await peer((_, response) =>
      response.writeHead(404, { date: "Sat, 21 Nov 2026 08:00:00 GMT" }).end("nothing here"),
    );
    expect(await probe(server.url)).toEqual({
      status: 404,
      body: "nothing here",
      dateEpochMs: Date.parse("2026-11-21T08:00:00Z"),
    });
  });

  it("does not follow a redirect, so that credentials go to one address alone", async () => {
    const seen: (string | undefined)[] = [];
    server = await peer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect((await probe(server.url, { authorization: "Bearer k" })).status).toBe(302);
    expect(seen).toEqual(["Bearer k"]);
  });

  it("sends JSON with a token, and text as it is", async () => {
    const seen: string[] = [];
    server = await peer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += String(chunk);
      });
      request.on("end", () => {
        seen.push(`${request.headers["content-type"]} ${request.headers.authorization} ${body}`);
        response.end();
      });
    });
    await postJson(server.url, { a: 1 }, "k");
    await postText(server.url, "x", { "content-type": "text/plain" });
    expect(seen).toEqual(['application/json Bearer k {"a":1}', "text/plain undefined x"]);
  });

  it("keeps the first 64 KiB of a long answer", async () => {
    server = await peer((_, response) => response.end("x".repeat(100_000)));
    expect((await probe(server.url)).body).toHaveLength(65_536);
  });

  it("answers with the cause when nothing listens", async () => {
    server = await peer((_, response) => response.end());
    const { url } = server;
    await server.close();
    server = null;
    expect(await probe(url)).toEqual({ status: 0, body: "ECONNREFUSED", dateEpochMs: null });
  });

  it("answers with the cause when the address is none", async () => {
    expect(await probe("not a url")).toMatchObject({ status: 0, dateEpochMs: null });
  });
});
