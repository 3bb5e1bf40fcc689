import { afterEach, describe, expect, it } from "vitest";
import { type App, createApp } from "../../src/app/app.js";
import type { AppOverrides } from "../../src/app/app-overrides.js";
import { loadConfig } from "../../src/config/load.js";
import { agent } from "../fakes/call-bench.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

const AGENTS = {
  agents: new Map([["support", agent()]]),
  numbers: new Map(),
  defaultAgent: "support",
};
let app: App | null = null;
afterEach(async () => {
  await app?.stop();
  app = null;
});

async function start(overrides: AppOverrides = {}, env: Readonly<Record<string, string>> = {}) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const config = loadConfig({
    OPENAI_API_KEY: "sk-x",
    TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
    TWILIO_AUTH_TOKEN: "token",
    PUBLIC_URL: "https://relay.example.com",
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
    ...env,
  });
  const journal = { write: () => undefined };
  app = await createApp(config, AGENTS, { clock, log, journal, ...overrides });
  const ports = await app.start();
  const ask = async (port: number, path: string, init: RequestInit = {}) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, init)).status;
  return { app, ports, clock, log, ask };
}

describe("the relay of one process", () => {
  it("listens on two ports, and on neither once it is stopped, however often", async () => {
    const one = await start();
    const { publicPort, adminPort, ownPort } = one.ports;
    expect(ownPort).toBeNull();
    expect(await one.ask(publicPort, "/health")).toBe(200);
    expect(await one.ask(adminPort, "/ready")).toBe(200);
    expect(await one.ask(publicPort, "/ready")).toBe(404);
    await one.app.stop();
    await one.app.stop();
    for (const port of [publicPort, adminPort])
      await expect(one.ask(port, "/health")).rejects.toThrow();
    expect(one.log.lines.filter((line) => line.startsWith("info stopped"))).toHaveLength(1);
  });

  it("has a port of its own where MEDIA_URL names the worker", async () => {
    const env = { MEDIA_URL: "wss://relay.example.com/media-stream/{worker}" };
    const { ports } = await start({}, env);
    expect(ports.ownPort).not.toBeNull();
  });

  it("is not ready from the moment at which it refuses calls", async () => {
    const one = await start();
    expect(await one.app.pulse(false)).toMatchObject({ readiness: { ready: true }, calls: 0 });
    expect(await one.ask(one.ports.adminPort, "/api/drain", { method: "POST" })).toBe(202);
    expect(await one.ask(one.ports.adminPort, "/ready")).toBe(503);
    expect((await one.app.pulse(false)).readiness).toEqual({ ready: false, reason: "draining" });
  });

  it("has drained at once where there is no call", async () => {
    const one = await start();
    await one.app.drain();
    expect(await one.ask(one.ports.publicPort, "/health")).toBe(200);
  });

  it("has the routes for reloading only where a reload can be asked for", async () => {
    const path = "/api/agents/reload";
    const without = await start();
    expect(await without.ask(without.ports.adminPort, path, { method: "POST" })).toBe(404);
    await without.app.stop();
    let reloads = 0;
    const requestReload = async () => {
      reloads++;
    };
    const one = await start({ requestReload });
    await one.ask(one.ports.adminPort, path, { method: "POST" });
    expect(reloads).toBe(1);
  });

  it("takes another agents file for new callers", async () => {
    const one = await start();
    await one.app.reload({ ...AGENTS, agents: new Map([["sales", agent({ name: "sales" })]]) });
    const lines = one.log.lines.filter((line) => line.includes("agents:"));
    expect(lines).toEqual([expect.stringContaining("file reloaded")]);
  });
});
