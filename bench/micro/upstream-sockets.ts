/**
 * The cost of the model's sockets: the relay's own framing against the package `ws`.
 *
 * npx tsx bench/micro/upstream-sockets.ts [--tls] [--sockets 300] [--pairs 12] [--sizes 270,2200]
 * [--memory] [--json FILE]
 *
 * A client process, alone on its core where there are two, opens equally many sockets of each kind.
 * The kinds take turns of a second each, with an append every 20 ms on each socket. The server
 * process answers each fifth append with a delta and notes when each append arrived. Both kinds
 * thus run on the same machine at nearly the same time, and the median of the paired ratios counts.
 * With --memory each kind has a process of its own, and resident memory per socket is measured
 * after a garbage collection, idle and after traffic.
 */

import type { WebSocket as ServerSocket } from "uWebSockets.js";
import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { createModelSocketDialer } from "../../src/adapters/openai/model-socket.js";
import { systemClock } from "../../src/adapters/system/system-clock.js";
import { loadUws, type Uws, type UwsApp } from "../../src/http/uws.js";
import type { Log } from "../../src/ports/log.js";
import type { UpstreamDialer, UpstreamSocket } from "../../src/ports/sockets.js";
import { splitCores } from "../load/affinity.js";
import { makeCertificate } from "../load/relay-process.js";

const KINDS = ["ws", "raw"] as const;
type Kind = (typeof KINDS)[number];

const FRAME_MS = 20;
const APPENDS_PER_DELTA = 5;
const SLICE_MS = 1000;
const DIALS_AT_ONCE = 10;
const WARM_UP_SOCKETS = 50;

interface ClientPlan {
  readonly kinds: readonly Kind[];
  readonly url: string;
  readonly sockets: number;
  readonly slices: number;
  readonly appendBytes: number;
}

interface ServerPlan {
  readonly cert: string | null;
  readonly key: string | null;
  readonly deltaBytes: number;
}

interface Slice {
  readonly kind: Kind;
  readonly cpuMs: number;
  readonly kernelMs: number;
  readonly sent: number;
  readonly received: number;
}

interface ClientResult {
  readonly slices: readonly Slice[];
  /** Per socket; of the last kind dialled. */
  readonly dialCpuMs: number;
  readonly idleKb: number;
  readonly usedKb: number;
}

/** Appends by their first byte: the kind that sent them. */
interface Arrivals {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Of the machine, not of the process: both processes read the same. */
const nowUs = () => Number(process.hrtime.bigint() / 1000n);

/** In 7-bit bytes: valid as text. */
function stampTime(out: Uint8Array, kind: number): void {
  out[0] = kind;
  let us = nowUs();
  for (let i = 1; i < 9; i++) {
    out[i] = us % 128;
    us = Math.floor(us / 128);
  }
}

function readTimeUs(message: Uint8Array): number {
  let us = 0;
  for (let i = 8; i >= 1; i--) us = us * 128 + (message[i] ?? 0);
  return us;
}

// --- the client process -----------------------------------------------------------------------------

const log: Log = {
  child: () => log,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (text, _, error) => console.error(text, error),
};

/** The same over the package. */
const wsDialer: UpstreamDialer = {
  dial(url, events) {
    const ws = new WebSocket(url, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: 1 << 24,
    });
    ws.on("open", () => events.opened());
    ws.on("message", (data) => {
      if (Buffer.isBuffer(data)) events.message(data);
    });
    ws.on("error", (error) => console.error(error.message));
    ws.on("close", (code, reason) =>
      events.closed({ code, reason: String(reason), httpStatus: null }),
    );
    return {
      send: (message) => ws.send(message, { binary: false }),
      bufferedBytes: () => ws.bufferedAmount,
      close: (code, reason) => ws.close(code, reason),
    };
  },
};

function dialerOf(kind: Kind): UpstreamDialer {
  if (kind === "ws") return wsDialer;
  return createModelSocketDialer({
    apiKey: "bench",
    clock: systemClock,
    log,
    handshakeTimeoutMs: 10_000,
  });
}

async function runClient(plan: ClientPlan): Promise<ClientResult> {
  let received = 0;
  let over = false;
  const dial = (dialer: UpstreamDialer) =>
    new Promise<UpstreamSocket>((resolve) => {
      const socket = dialer.dial(plan.url, {
        opened: () => resolve(socket),
        message: () => {
          received++;
        },
        closed: (failure) => {
          if (!over) throw new Error(`closed: ${failure.code} ${failure.reason}`);
        },
      });
    });
  const rssKb = () => {
    for (let i = 0; i < 3; i++) globalThis.gc?.();
    return process.memoryUsage().rss / 1024;
  };
  const message = Buffer.alloc(plan.appendBytes, "a");
  const slice = async (kind: Kind, sockets: readonly UpstreamSocket[]): Promise<Slice> => {
    const [startMs, cpu, receivedBefore] = [performance.now(), process.cpuUsage(), received];
    let sent = 0;
    while (performance.now() - startMs < SLICE_MS) {
      const due = Math.floor(((performance.now() - startMs) / FRAME_MS) * sockets.length);
      for (; sent < due; sent++) {
        stampTime(message, KINDS.indexOf(kind));
        sockets[sent % sockets.length]!.send(message);
      }
      await sleep(1);
    }
    // Messages under way belong to this slice, not to the next.
    await sleep(50);
    const { user, system } = process.cpuUsage(cpu);
    return {
      kind,
      cpuMs: (user + system) / 1000,
      kernelMs: system / 1000,
      sent,
      received: received - receivedBefore,
    };
  };

  let [dialCpuMs, before, idleKb] = [0, 0, 0];
  const sockets = new Map<Kind, UpstreamSocket[]>();
  for (const kind of plan.kinds) {
    const dialer = dialerOf(kind);
    const all = [await dial(dialer)];
    sockets.set(kind, all);
    // One-time costs are not counted: code, the compiler, the first growth of the heap.
    while (all.length < WARM_UP_SOCKETS) all.push(await dial(dialer));
    await slice(kind, all);
    before = rssKb();
    const cpu = process.cpuUsage();
    while (all.length < plan.sockets) {
      const more = Math.min(DIALS_AT_ONCE, plan.sockets - all.length);
      all.push(...(await Promise.all(Array.from({ length: more }, () => dial(dialer)))));
    }
    const { user, system } = process.cpuUsage(cpu);
    dialCpuMs = (user + system) / 1000 / (plan.sockets - WARM_UP_SOCKETS);
    idleKb = (rssKb() - before) / (plan.sockets - WARM_UP_SOCKETS);
  }
  const slices: Slice[] = [];
  for (let i = 0; i < plan.slices + 2; i++) {
    for (const [kind, all] of sockets) {
      const done = await slice(kind, all);
      // The first ones warm up the compiler.
      if (i >= 2) slices.push(done);
    }
  }
  const usedKb = (rssKb() - before) / (plan.sockets - WARM_UP_SOCKETS);
  over = true;
  for (const all of sockets.values()) for (const socket of all) socket.close(1000, "done");
  return { slices, dialCpuMs, idleKb, usedKb };
}

// --- the server process -----------------------------------------------------------------------------

interface Session {
  appends: number;
}

function secureApp(uws: Uws, cert: string, key: string): UwsApp {
  const withTls = uws as Uws & {
    SSLApp(o: { cert_file_name: string; key_file_name: string }): UwsApp;
  };
  return withTls.SSLApp({ cert_file_name: cert, key_file_name: key });
}

function runServer({ cert, key, deltaBytes }: ServerPlan): void {
  const { uws } = loadUws();
  const app = cert === null || key === null ? uws.App() : secureApp(uws, cert, key);
  const delta = Buffer.alloc(deltaBytes, "d");
  let late: number[][] = KINDS.map(() => []);
  app.ws<Session>("/*", {
    idleTimeout: 0,
    upgrade: (response, request, context) => {
      response.upgrade<Session>(
        { appends: 0 },
        request.getHeader("sec-websocket-key"),
        "",
        "",
        context,
      );
    },
    message: (ws: ServerSocket<Session>, data) => {
      const message = new Uint8Array(data);
      late[message[0] ?? 0]?.push((nowUs() - readTimeUs(message)) / 1000);
      if (++ws.getUserData().appends % APPENDS_PER_DELTA === 0) ws.send(delta);
    },
  });
  process.on("message", () => {
    const arrivals = late.map((all): Arrivals => {
      all.sort((a, b) => a - b);
      const at = (q: number) => all[Math.min(all.length - 1, Math.floor(q * all.length))] ?? 0;
      return { count: all.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    });
    late = KINDS.map(() => []);
    process.send?.(arrivals);
  });
  app.listen("127.0.0.1", 0, 1, (listening) => {
    if (listening === false) throw new Error("cannot listen");
    process.send?.(uws.us_socket_local_port(listening));
  });
}

// --- the measuring process --------------------------------------------------------------------------

function start(
  role: string,
  plan: object,
  core: string | null,
  extra: Record<string, string>,
): ChildProcess {
  const node = ["--expose-gc", "--import", import.meta.resolve("tsx")];
  return fork(import.meta.filename, ["--role", role, "--plan", JSON.stringify(plan)], {
    execPath: core === null ? process.execPath : "taskset",
    execArgv: core === null ? node : ["-c", core, process.execPath, ...node],
    env: { ...process.env, ...extra },
  });
}

const told = <T>(child: ChildProcess) =>
  new Promise<T>((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("exit", (code) => reject(new Error(`ended with ${code} and said nothing`)));
  });

const quantile = (all: readonly number[], q: number) =>
  [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(q * all.length))] ?? 0;

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tls: { type: "boolean", default: false },
      memory: { type: "boolean", default: false },
      sockets: { type: "string", default: "300" },
      pairs: { type: "string", default: "12" },
      sizes: { type: "string", default: "270,2200" },
      json: { type: "string" },
    },
  });
  const [appendBytes = 270, deltaBytes = 2200] = values.sizes.split(",").map(Number);
  const tls = values.tls ? makeCertificate() : null;
  const cores = splitCores(1);
  const serverPlan: ServerPlan = { cert: tls?.cert ?? null, key: tls?.key ?? null, deltaBytes };
  const server = start("server", serverPlan, cores?.harness ?? null, {});
  const port = await told<number>(server);
  const run = async (kinds: readonly Kind[], slices: number) => {
    const url = `${tls === null ? "ws" : "wss"}://127.0.0.1:${port}/v1/realtime`;
    const plan: ClientPlan = { kinds, url, sockets: Number(values.sockets), slices, appendBytes };
    const client = start(
      "client",
      plan,
      cores?.relay ?? null,
      tls === null ? {} : { NODE_EXTRA_CA_CERTS: tls.cert },
    );
    const result = await told<ClientResult>(client);
    const heard = told<Arrivals[]>(server);
    server.send("result");
    const arrivals = await heard;
    if (client.exitCode === null) await new Promise((resolve) => client.once("exit", resolve));
    return { ...result, arrivals };
  };
  const report: Record<string, unknown> = { ...values, node: process.version };
  try {
    if (values.memory) {
      for (const kind of KINDS) {
        const { idleKb, usedKb, dialCpuMs } = await run([kind], 3);
        report[kind] = { idleKb, usedKb, dialCpuMs };
        console.log(
          `${kind.padEnd(4)} ${idleKb.toFixed(1)} KB a socket idle, ${usedKb.toFixed(1)} KB with traffic behind it; a dial costs ${dialCpuMs.toFixed(2)} ms CPU`,
        );
      }
    } else {
      const { slices, arrivals } = await run(KINDS, Number(values.pairs));
      const of = (kind: Kind) => slices.filter((slice) => slice.kind === kind);
      for (const [index, kind] of KINDS.entries()) {
        const all = of(kind);
        const perCallSecond = quantile(
          all.map((slice) => (slice.cpuMs * 50) / slice.sent),
          0.5,
        );
        const kernel =
          all.reduce((sum, slice) => sum + slice.kernelMs, 0) /
          all.reduce((sum, slice) => sum + slice.cpuMs, 0);
        const { p50Ms, p99Ms, maxMs, count } = arrivals[index]!;
        report[kind] = { cpuMsPerCallSecond: perCallSecond, kernel, uplink: arrivals[index] };
        console.log(
          `${kind.padEnd(4)} ${perCallSecond.toFixed(3)} ms CPU per call-second, ${(100 * kernel).toFixed(0)} % in the kernel; ` +
            `${count} appends arrived, p50 ${p50Ms.toFixed(2)} p99 ${p99Ms.toFixed(2)} max ${maxMs.toFixed(1)} ms`,
        );
      }
      const theirs = of("ws");
      const ratios = of("raw").map(
        (slice, i) => slice.cpuMs / slice.sent / (theirs[i]!.cpuMs / theirs[i]!.sent),
      );
      report["ratios"] = ratios;
      console.log(
        `raw / ws: median ${quantile(ratios, 0.5).toFixed(3)} of ${ratios.length} pairs, quartiles ${quantile(ratios, 0.25).toFixed(3)} to ${quantile(ratios, 0.75).toFixed(3)}`,
      );
    }
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  } finally {
    server.kill();
    tls?.remove();
  }
}

const role = process.argv.indexOf("--role");
if (role < 0) await measure();
else {
  const plan: unknown = JSON.parse(process.argv[role + 3] ?? "");
  if (process.argv[role + 1] === "server") runServer(plan as ServerPlan);
  else {
    process.send?.(await runClient(plan as ClientPlan), () => process.disconnect());
    await sleep(300);
    process.exit(0);
  }
}
