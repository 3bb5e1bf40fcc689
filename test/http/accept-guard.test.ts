import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { guardAccept } from "../../src/http/accept-guard.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog, send } from "./harness.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));

function guarded(limit: number | null, share?: number) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const world = { free: 1000 as number | null, reopens: true };
  const server = {
    paused: false,
    pause: () => {
      server.paused = true;
    },
    resume: async () => {
      server.paused = !world.reopens;
      return world.reopens;
    },
  };
  const lowestFree = () => (world.free === null ? null : 1000 - world.free);
  const shared = share === undefined ? {} : { share };
  const end = guardAccept({ server, limit, lowestFree, ...shared, clock, log });
  const pausedAt = async (free: number | null) => {
    world.free = free;
    clock.advance(250);
    await settle();
    return server.paused;
  };
  return { clock, log, world, pausedAt, end };
}

describe("the guard of the listener", () => {
  it("pauses at the reserve of a tenth, and resumes when twice that is free", async () => {
    const { pausedAt, log } = guarded(1000);
    const paused = [];
    for (const free of [101, 100, 150, 200, 201, 100, null, 500]) paused.push(await pausedAt(free));
    expect(paused).toEqual([false, true, true, true, false, true, true, false]);
    expect(log.lines.map(({ text }) => text)).toEqual([
      "http: descriptors nearly used up, no connections accepted",
      "http: connections accepted again",
      "http: descriptors nearly used up, no connections accepted",
      "http: connections accepted again",
    ]);
  });

  it("accepts operators until half of the reserve is left", async () => {
    const { pausedAt } = guarded(1000, 0.5);
    const paused = [];
    for (const free of [51, 50, 100, 101]) paused.push(await pausedAt(free));
    expect(paused).toEqual([false, true, true, false]);
  });

  it("tries again while a port cannot be opened", async () => {
    const { pausedAt, world, log } = guarded(1000);
    await pausedAt(0);
    world.reopens = false;
    expect(await pausedAt(900)).toBe(true);
    world.reopens = true;
    expect(await pausedAt(900)).toBe(false);
    expect(log.lines).toHaveLength(2);
  });

  it("does nothing where the limit is not known, and leaves no timer when it ends", () => {
    expect(guarded(null).clock.pending).toBe(0);
    const { clock, end } = guarded(1000);
    expect(clock.pending).toBe(1);
    end();
    expect(clock.pending).toBe(0);
  });
});

describe("a listener at the limit of descriptors", () => {
  it("rests instead of spinning, and accepts again when connections have gone", async () => {
    const fixture = fileURLToPath(new URL("../fakes/gate-process.ts", import.meta.url));
    const child = spawn(
      "bash",
      ["-c", `ulimit -n 160; exec "${process.execPath}" --import tsx "${fixture}"`],
      { stdio: ["ignore", "inherit", "inherit", "ipc"] },
    );
    const [started] = (await once(child, "message")) as [{ readonly port: number }];
    const { port } = started;
    const busyMs = async (): Promise<number> => {
      child.send("busy?");
      const [message] = (await once(child, "message")) as [{ readonly busyMs: number }];
      return message.busyMs;
    };
    const flood: Socket[] = [];
    try {
      for (let i = 0; i < 300; i++) {
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => undefined);
        flood.push(socket);
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const before = await busyMs();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect((await busyMs()) - before).toBeLessThan(200);
      for (const socket of flood) socket.destroy();
      await expect
        .poll(
          () =>
            send(port, "GET", "/health").then(
              ({ status }) => status,
              () => 0,
            ),
          {
            timeout: 5_000,
          },
        )
        .toBe(200);
    } finally {
      for (const socket of flood) socket.destroy();
      child.kill();
    }
  });
});
