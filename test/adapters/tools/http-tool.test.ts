import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { HostResolver } from "../../../src/adapters/network/name-resolver.js";
import { Network } from "../../../src/adapters/network/network.js";
import { createHttpTool } from "../../../src/adapters/tools/http-tool.js";
import type { HttpToolSource } from "../../../src/domain/agent-profile.js";
import type { Tool, ToolContext } from "../../../src/tools/tool.js";
import { sid } from "../../fakes/call-bench.js";
import { fakeResolver } from "../../fakes/fake-resolver.js";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server on loopback, known as crm.test, and what it was asked. */
async function serve(answer: (seen: Seen, response: ServerResponse, n: number) => void) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const one = {
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      seen.push(one);
      answer(one, response, seen.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, origin: `http://crm.test:${(server.address() as AddressInfo).port}` };
}

type Resolver = HostResolver["resolve"];
const loopback: Resolver = async () => [{ address: "127.0.0.1", family: 4 }];
const context = (signal = new AbortController().signal): ToolContext => ({
  callSid: sid(1),
  from: "+12025550100",
  to: "+12025550199",
  agent: "support",
  language: "en",
  signal,
  nowEpochMs: 0,
});

function tool(
  url: string,
  changes: Partial<HttpToolSource> = {},
  resolve: Resolver = loopback,
): Tool {
  return createHttpTool(
    {
      name: "lookup",
      description: "Look up",
      parameters: { type: "object" },
      timeoutMs: 5_000,
      sayWhileWaiting: null,
    },
    {
      method: "POST",
      url,
      headers: {},
      timeoutMs: 4_000,
      maxResponseBytes: 1_000,
      allowPrivateHosts: ["crm.test"],
      idempotent: false,
      ...changes,
    },
    new Network({ resolver: fakeResolver(resolve) }),
  );
}

const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
};

describe("an HTTP tool", () => {
  it("fills its URL, sends the other arguments as JSON with its headers, and reads JSON", async () => {
    const { seen, origin } = await serve((_, response) => json(response, { found: true }));
    const lookup = tool(`${origin}/orders/{order}?by={who}`, {
      headers: { authorization: "Bearer s3cret" },
    });
    const { output } = await lookup.run({ order: "A/1?x=é", who: "a&b", note: "<hi>" }, context());
    expect(output).toEqual({ found: true });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      method: "POST",
      url: "/orders/A%2F1%3Fx%3D%C3%A9?by=a%26b",
      body: '{"note":"<hi>"}',
    });
    expect(seen[0]!.headers).toMatchObject({
      authorization: "Bearer s3cret",
      "content-type": "application/json",
    });
  });

  it("puts what is left of a GET into the query, and passes on text as text", async () => {
    const { seen, origin } = await serve((_, response) => response.end("plain words"));
    const { output } = await tool(`${origin}/find?a=1`, { method: "GET" }).run(
      { q: "x y", n: 2, no: null },
      context(),
    );
    expect(output).toBe("plain words");
    expect(seen[0]).toMatchObject({ method: "GET", url: "/find?a=1&q=x+y&n=2", body: "" });
  });

  it.each(["..", "."])("does not let %s step out of its path", async (order) => {
    const { seen, origin } = await serve((_, response) => json(response, {}));
    await expect(
      tool(`${origin}/orders/{order}/items`).run({ order }, context()),
    ).rejects.toMatchObject({
      code: "tool_arguments_invalid",
    });
    expect(seen).toEqual([]);
  });

  it("asks for a value that its URL needs", async () => {
    await expect(tool("http://crm.test/{order}").run({}, context())).rejects.toMatchObject({
      code: "tool_arguments_invalid",
      message: "a value for order is needed",
    });
  });

  it.each<[string, string, Resolver, Partial<HttpToolSource>]>([
    ["a private address", "http://crm.test/", loopback, { allowPrivateHosts: [] }],
    [
      "one private address among public ones",
      "http://crm.test/",
      async () => [
        { address: "8.8.8.8", family: 4 },
        { address: "169.254.169.254", family: 4 },
      ],
      { allowPrivateHosts: [] },
    ],
    ["an address as its host", "http://169.254.169.254/latest/meta-data", loopback, {}],
    ["an address in disguise", "http://0x7f000001/", loopback, {}],
    ["a mapped address", "http://[::ffff:10.0.0.1]/", loopback, {}],
    ["another scheme", "file:///etc/passwd", loopback, {}],
  ])("refuses %s", async (_, url, resolve, changes) => {
    await expect(tool(url, changes, resolve).run({}, context())).rejects.toMatchObject({
      code: "tool_blocked",
    });
  });

  it("connects to the address that was checked, and asks only once", async () => {
    const { seen, origin } = await serve((_, response) => json(response, {}));
    let asked = 0;
    const rebinding: Resolver = async () => {
      asked++;
      return [{ address: asked === 1 ? "127.0.0.1" : "169.254.169.254", family: 4 }];
    };
    await tool(origin, {}, rebinding).run({}, context());
    expect(asked).toBe(1);
    expect(seen).toHaveLength(1);
  });

  it("follows no redirect", async () => {
    const { seen, origin } = await serve((_, response) =>
      response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
    );
    await expect(tool(origin, { method: "GET" }).run({}, context())).rejects.toMatchObject({
      code: "tool_blocked",
    });
    expect(seen).toHaveLength(1);
  });

  it("stops reading an answer that is too large", async () => {
    let written = 0;
    const { origin } = await serve((_, response) => {
      response.on("error", () => undefined);
      const more = (): void => {
        while (written < 10_000_000 && !response.destroyed) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536, 97))) {
            response.once("drain", more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    await expect(tool(origin).run({}, context())).rejects.toMatchObject({
      code: "tool_failed",
      message: "the server's answer is larger than 1000 bytes",
    });
    expect(written).toBeLessThan(10_000_000);
  });

  it("gives up at its time-out, and when the caller hangs up", async () => {
    const { origin } = await serve(() => undefined);
    await expect(tool(origin, { timeoutMs: 50 }).run({}, context())).rejects.toMatchObject({
      code: "tool_timeout",
    });
    const hangUp = new AbortController();
    const running = tool(origin).run({}, context(hangUp.signal));
    hangUp.abort();
    await expect(running).rejects.toMatchObject({
      code: "tool_failed",
      message: "the request was given up",
    });
  });

  it("does not wait for a name that never resolves", async () => {
    const never: Resolver = () => new Promise(() => undefined);
    await expect(
      tool("http://crm.test/", { timeoutMs: 50 }, never).run({}, context()),
    ).rejects.toMatchObject({
      code: "tool_timeout",
    });
  });

  it.each([
    ["GET", false, 2],
    ["PUT", false, 2],
    ["POST", false, 1],
    ["POST", true, 2],
  ] as const)(
    "asks again after a 503 only where that is safe: %s, idempotent %s",
    async (method, idempotent, times) => {
      const { seen, origin } = await serve((_, response, n) =>
        json(response, { n }, n === 1 ? 503 : 200),
      );
      const asked = tool(origin, { method, idempotent }).run({}, context());
      if (times === 1) await expect(asked).rejects.toMatchObject({ code: "tool_failed" });
      else expect((await asked).output).toEqual({ n: 2 });
      expect(seen).toHaveLength(times);
    },
  );

  it("tells the model what a refusal says, and no more of a broken answer than that it is broken", async () => {
    const { origin } = await serve((_, response) => json(response, { why: "no such order" }, 404));
    expect((await tool(origin).run({}, context())).output).toEqual({
      error: "HTTP 404",
      answer: { why: "no such order" },
    });
    const broken = await serve((_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end("{oops"),
    );
    await expect(tool(broken.origin).run({}, context())).rejects.toMatchObject({
      code: "tool_failed",
      message: "the server's answer is not valid JSON",
    });
  });
});
