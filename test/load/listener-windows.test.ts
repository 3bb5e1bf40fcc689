import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { ListenerWindows, WINDOW_S } from "../../bench/load/listener-windows.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** @param accepts  false: the operator listener refuses listeners. */
async function stage(accepts = true) {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  const paths: string[] = [];
  server.on("upgrade", (request, socket, head) => {
    paths.push(request.url ?? "");
    if (accepts)
      sockets.handleUpgrade(request, socket, head, (accepted) => {
        accepted.send(JSON.stringify({ type: "started" }));
        accepted.send(Buffer.alloc(8 + 8_000));
      });
    else socket.end("HTTP/1.1 409 Conflict\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const windows = new ListenerWindows({
    listeners: 2,
    operatorUrl: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pid: null,
    calls: () => 10,
    callId: 1,
    callSid: "CA1",
  });
  windows.start();
  /** A window: its first second is disturbed, the others are not. */
  const pass = (ms: number, gapMs: number): void => {
    for (let second = 1; second <= WINDOW_S; second++) {
      windows.arrived(second === 1 ? 500 : ms, second === 1 ? 900 : gapMs);
      vi.advanceTimersByTime(1_000);
    }
  };
  const open = () => sockets.clients.size;
  return { windows, paths, pass, open, close: () => server.close() };
}

it("holds windows with listeners against windows without, the time of change left out", async () => {
  const { windows, paths, pass, open, close } = await stage();
  pass(1, 20);
  await vi.waitFor(() => expect(open()).toBe(2));
  expect(paths).toEqual(["/api/calls/CA1/listen", "/api/calls/CA1/listen"]);
  pass(5, 40);
  await vi.waitFor(() => expect(open()).toBe(0));
  pass(3, 30);
  await vi.waitFor(() => expect(open()).toBe(2));
  await vi.waitFor(() => expect(windows.figures()["listener_heard_s"]).toBe(4));
  const figures = windows.figures();
  expect(figures).toMatchObject({ listeners: 2, listener_windows: 1, listeners_failed: 0 });
  expect(figures["uplink_p99_listened_ms"]).toBeCloseTo(5, 0);
  expect(figures["uplink_p99_unlistened_ms"]).toBeCloseTo(2, 0);
  expect(figures["uplink_p99_unlistened_min_ms"]).toBeCloseTo(1, 0);
  expect(figures["uplink_p99_unlistened_max_ms"]).toBeCloseTo(3, 0);
  expect(figures).toMatchObject({
    uplink_gap_max_listened_ms: 40,
    uplink_gap_max_unlistened_ms: 25,
    cpu_ms_per_call_second_listened: null,
  });
  windows.stop();
  await vi.waitFor(() => expect(open()).toBe(0));
  close();
});

it("counts listeners who are not let in", async () => {
  const { windows, pass, close } = await stage(false);
  pass(1, 20);
  await vi.waitFor(() => expect(windows.figures()["listeners_failed"]).toBe(2));
  windows.stop();
  close();
});
