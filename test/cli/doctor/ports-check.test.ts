import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { checkPorts } from "../../../src/cli/doctor/ports-check.js";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(body: string): Promise<number> {
  const server = createServer((_request, response) => response.end(body));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function check(over: Partial<Parameters<typeof checkPorts>[0]>) {
  const config = {
    host: "127.0.0.1",
    port: 0,
    adminHost: "127.0.0.1",
    adminPort: 0,
    workers: 1,
    mediaUrl: "ws://127.0.0.1/media-stream",
    ...over,
  };
  const results = [];
  const checks = checkPorts(config);
  for (;;) {
    const next = await checks.next();
    if (next.done === true) return { results, ...next.value };
    results.push(`${next.value.severity} ${next.value.text}`);
  }
}

describe("the ports", () => {
  it("are free", async () => {
    expect(await check({})).toEqual({ results: ["ok 0 and 0 are free"], relayRuns: false });
  });

  it("are a running relay's, by what it answers", async () => {
    const [port, adminPort] = [
      await listening("ok\n"),
      await listening('{"ready":true,"reason":"ok"}'),
    ];
    const { results, relayRuns } = await check({ port, adminPort });
    expect(relayRuns).toBe(true);
    expect(results).toEqual([`ok a relay is running on ${port} and ${adminPort}`]);
  });

  it("are another program's", async () => {
    const port = await listening("hello");
    const { results, relayRuns } = await check({ port });
    expect(relayRuns).toBe(false);
    expect(results).toEqual([`fail another program listens on 127.0.0.1:${port}`]);
  });

  it("of single workers are another program's", async () => {
    const taken = await listening("hello");
    const { results } = await check({ port: taken - 2, workers: 3 });
    expect(results).toContain(
      `fail another program listens on 127.0.0.1:${taken}, which is worker 1's (PORT+2)`,
    );
  });

  it("are on an address of another machine, or of none", async () => {
    expect((await check({ host: "192.0.2.1" })).results[0]).toMatch(
      /not an address of this machine/,
    );
    expect((await check({ adminHost: "nowhere.invalid" })).results[0]).toMatch(/^fail /);
  });
});
