import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import {
  checkedAddress,
  type GuardedRequest,
  guardedRequest,
} from "../../../src/adapters/http-client/guarded-request.js";
import type { HostResolver } from "../../../src/adapters/network/name-resolver.js";
import { Network, type NetworkSettings } from "../../../src/adapters/network/network.js";
import { fakeResolver } from "../../fakes/fake-resolver.js";
import { type Peer, peer } from "../../fakes/media-peers.js";

let server: Peer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

const v4 = (...addresses: string[]): HostResolver =>
  fakeResolver(async () => addresses.map((address) => ({ address, family: 4 }) as const));
const network = (resolver: HostResolver, settings: NetworkSettings = {}) =>
  new Network({ resolver, ...settings });
const LOOPBACK = network(v4("127.0.0.1"));

/** A request to a listed host on this machine. */
async function ask(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  changes: Partial<GuardedRequest> = {},
  by = LOOPBACK,
) {
  server = await peer(answer);
  const { port } = new URL(server.url);
  return await guardedRequest(
    {
      method: "GET",
      url: `http://crm.test:${port}/x?secret`,
      headers: {},
      body: null,
      timeoutMs: 5_000,
      maxResponseBytes: 100,
      allowPrivateHosts: ["crm.test"],
      ...changes,
    },
    by,
  );
}

describe("guardedRequest", () => {
  it("sends the body with its length, and gives the answer whatever its status", async () => {
    let seen = "";
    const reply = await ask(
      (request, response) => {
        request.on("data", (chunk) => {
          seen += `${request.method} ${request.headers["content-length"]} ${chunk}`;
        });
        request.on("end", () =>
          response.writeHead(503, { "content-type": "Text/Plain; charset=utf-8" }).end("späť"),
        );
      },
      { method: "POST", body: "über" },
    );
    expect(seen).toBe("POST 5 über");
    expect(reply).toEqual({ status: 503, type: "text/plain", body: "späť" });
  });

  it.each<[string, Partial<GuardedRequest>, (response: ServerResponse) => void, object]>([
    [
      "a redirect",
      {},
      (response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
      { code: "tool_blocked", retryable: false },
    ],
    [
      "an answer that is too long",
      {},
      (response) => response.end("x".repeat(101)),
      { code: "tool_failed", retryable: false },
    ],
    [
      "no answer in time",
      { timeoutMs: 50 },
      () => undefined,
      { code: "tool_timeout", retryable: false },
    ],
    [
      "a connection that breaks",
      {},
      (response) => response.destroy(),
      { code: "tool_failed", retryable: true },
    ],
    [
      "a request that is given up",
      { signal: AbortSignal.abort() },
      () => undefined,
      { code: "tool_failed", retryable: false },
    ],
    [
      "a scheme that is not HTTP",
      { url: "ftp://crm.test/" },
      () => undefined,
      { code: "tool_blocked" },
    ],
    [
      "a private host that is not listed",
      { allowPrivateHosts: [] },
      () => undefined,
      { code: "tool_blocked" },
    ],
  ])("rejects %s, and names neither URL nor body", async (_, changes, answer, error) => {
    const asked = ask((__, response) => answer(response), { body: "secret", ...changes });
    await expect(asked).rejects.toMatchObject(error);
    await asked.catch((thrown: Error) => expect(thrown.message).not.toContain("secret"));
  });

  it("does not wait for a resolver that hangs", async () => {
    const hangs = network(fakeResolver(() => new Promise(() => undefined)));
    await expect(ask(() => undefined, { timeoutMs: 50 }, hangs)).rejects.toMatchObject({
      code: "tool_timeout",
    });
  });

  it("connects to the address that was checked, though the name gives another one later", async () => {
    let asked = 0;
    const moves = fakeResolver(async () => [
      { address: asked++ === 0 ? "127.0.0.1" : "127.0.0.9", family: 4 },
    ]);
    const reply = await ask((_, response) => response.end("here"), {}, network(moves));
    expect([reply.body, asked]).toEqual(["here", 1]);
  });
});

describe("checkedAddress", () => {
  const check = (by: Network, host = "crm.example", listed: readonly string[] = []) =>
    checkedAddress(new URL(`https://${host}/`), { allowPrivateHosts: listed }, by);
  const PUBLIC = "93.184.215.14";

  it("gives the first address when all of them are public", async () => {
    expect(await check(network(v4(PUBLIC, "93.184.215.15")))).toEqual({
      address: PUBLIC,
      family: 4,
    });
  });

  it("blocks a name of which one address is private, unless the host is listed", async () => {
    const mixed = network(v4(PUBLIC, "10.0.0.1"));
    await expect(check(mixed)).rejects.toMatchObject({ code: "tool_blocked" });
    expect(await check(mixed, "crm.example", ["CRM.example"])).toMatchObject({ address: PUBLIC });
  });

  it("rejects a name without an address; that may pass", async () => {
    await expect(check(network(v4()))).rejects.toMatchObject({
      code: "tool_failed",
      retryable: true,
    });
  });

  it("leaves names to a proxy, but no addresses of this network", async () => {
    const settings = { httpsProxy: "http://proxy.test:3128" };
    const unknown = fakeResolver(async (host) => {
      if (/^[\d.]+$/.test(host)) return [{ address: host, family: 4 }];
      throw new Error("ENOTFOUND");
    });
    expect(await check(network(unknown, settings))).toBeNull();
    expect(await check(network(v4(PUBLIC), settings))).toBeNull();
    await expect(check(network(unknown, settings), "10.0.0.1")).rejects.toMatchObject({
      code: "tool_blocked",
    });
    await expect(check(network(unknown))).rejects.toThrow("ENOTFOUND");
  });
});
