import { afterEach, describe, expect, it } from "vitest";
import { OperatorClient } from "../../src/cli/operator-client.js";
import { FakeIo } from "../fakes/fake-io.js";
import { OperatorApi } from "../fakes/operator-api.js";

const TOKEN = "a-token-of-some-length";
let api: OperatorApi | null = null;
afterEach(() => {
  api?.close();
  api = null;
});

async function connected(env: Record<string, string> = {}, status = 200, body = "{}") {
  api = await OperatorApi.start(() => [status, body]);
  const client = OperatorClient.connect(api.io(env));
  if (client === null) throw new Error("settings refused");
  return { api, client };
}

describe("OperatorClient", () => {
  it("asks with the token, and sends a body as JSON", async () => {
    const { api, client } = await connected({ ADMIN_TOKEN: TOKEN });
    await client.get("/api/calls?limit=1");
    await client.post("/api/drain", { a: 1 });
    expect(api.asked).toEqual([
      { request: "GET /api/calls?limit=1", body: "", authorization: `Bearer ${TOKEN}` },
      { request: "POST /api/drain", body: '{"a":1}', authorization: `Bearer ${TOKEN}` },
    ]);
  });

  it.each([
    ["0.0.0.0", "127.0.0.1"],
    ["localhost", "localhost"],
  ])("reaches a listener on %s", async (host) => {
    const { client } = await connected({ ADMIN_HOST: host, ADMIN_TOKEN: TOKEN });
    expect((await client.get("/")).status).toBe(200);
  });

  it("reads an answer that is longer than 64 KiB", async () => {
    const { client } = await connected({}, 200, "x".repeat(200_000));
    expect((await client.get("/")).body).toHaveLength(200_000);
  });

  it.each([
    [401, "", "expects another ADMIN_TOKEN"],
    [500, '{"error":"internal"}', 'HTTP 500 {"error":"internal"}'],
  ])("explains status %i", async (status, body, text) => {
    const { client } = await connected({}, status, body);
    expect(client.explain(await client.get("/"))).toContain(text);
  });

  it("says that no relay answers, for requests and for streams", async () => {
    const { api, client } = await connected();
    api.close();
    const refused = { status: 0, body: "ECONNREFUSED" };
    expect(await client.get("/")).toEqual(refused);
    expect(await client.follow("/", new AbortController().signal)).toEqual(refused);
    expect(client.explain(refused)).toContain("no relay answers on 127.0.0.1");
  });

  it("prints faults of the settings", () => {
    const io = new FakeIo({ ADMIN_PORT: "x" });
    expect(OperatorClient.connect(io)).toBeNull();
    expect(io.errors.join()).toContain("ADMIN_PORT");
  });
});
