/**
 * Two nodes of three workers in all, one PostgreSQL, and Debian's HAProxy with the shipped
 * configuration in front of them.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { missingHaproxy, startHaproxy } from "./haproxy.js";
import { findPostgres, type PrivatePostgres, startPostgres } from "./postgres.js";
import { freePorts, type RelayNode, startNode } from "./relay-node.js";

const PUBLIC_URL = "https://relay.test";
const MEDIA_URL = "wss://relay.test/media-stream/{node}/{worker}";

/** Null where HAProxy and PostgreSQL are installed; else says loudly what is left out. */
export function balancedSkip(): string | null {
  const found = findPostgres();
  const missing = "missing" in found ? found.missing : missingHaproxy();
  if (missing !== null) console.warn(`NOT TESTED: nodes behind HAProxy: ${missing}`);
  return missing;
}

export class BalancedNodes {
  readonly #stopped: RelayNode[] = [];
  readonly #killed = new Set<RelayNode>();
  readonly #calls: Leg[] = [];

  private constructor(
    readonly twilio: SimulatedTwilio,
    readonly model: SimulatedModel,
    readonly nodes: RelayNode[],
    readonly parts: {
      readonly folder: string;
      readonly server: PrivatePostgres;
      readonly balancer: ChildProcess;
      readonly nodeEnvs: readonly Record<string, string>[];
    },
  ) {}

  /** @param checkMs  as for `startHaproxy`: a node that drains goes on for eight of them. */
  static async start(checkMs = 1_000): Promise<BalancedNodes> {
    const found = findPostgres();
    if ("missing" in found) throw new Error(found.missing);
    const folder = mkdtempSync(join(tmpdir(), "murelay-haproxy-"));
    const server = await startPostgres(found.bin);
    const model = await startModel({
      script: { turns: [{ say: { text: "Hello.", audio: speechLike(400, 1) } }] },
    });
    const twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20 });
    // HAProxy takes a node for gone after five checks and their own time.
    const drainDelay = String(Math.ceil((8 * checkMs) / 1_000));
    const env = { DATABASE_URL: server.url, MEDIA_URL, DRAIN_DELAY_SECONDS: drainDelay };
    const nodeEnvs = [
      { ...env, NODE_NAME: "node1", WORKERS: "2" },
      { ...env, NODE_NAME: "node2" },
    ];
    const peers = { model, twilio, publicUrl: PUBLIC_URL };
    const nodes = await Promise.all(nodeEnvs.map((nodeEnv) => startNode(peers, nodeEnv)));
    const port = await freePorts(1);
    const balancer = await startHaproxy(join(folder, "haproxy.cfg"), port, nodes, checkMs);
    twilio.route(PUBLIC_URL, `http://127.0.0.1:${port}`);
    return new BalancedNodes(twilio, model, nodes, { folder, server, balancer, nodeEnvs });
  }

  /** Those of the present test. */
  get calls(): readonly Leg[] {
    return this.#calls;
  }

  async place(): Promise<Leg> {
    const call = this.twilio.placeCall();
    this.#calls.push(call);
    await call.events.until("first_media", {}, 20_000);
    return call;
  }

  async endCalls(): Promise<void> {
    for (const call of this.#calls.splice(0)) call.hangUp();
    await this.twilio.settled();
  }

  /** Stops node `i` as a deployment does, and starts it anew on its ports. @returns its exit code. */
  async restart(i: number): Promise<Awaited<RelayNode["exited"]>> {
    const { publicPort, adminPort, exited } = this.nodes[i]!;
    await this.nodes[i]!.stop();
    const code = await exited;
    const peers = { model: this.model, twilio: this.twilio, publicUrl: PUBLIC_URL };
    const ports = { PORT: String(publicPort), ADMIN_PORT: String(adminPort) };
    const next = startNode(peers, { ...this.parts.nodeEnvs[i], ...ports });
    this.#stopped.push(this.nodes[i]!);
    this.nodes[i] = await next;
    return code;
  }

  /** Node `i` and its workers, which would carry their calls on without it. Idempotent. */
  async kill(i: number): Promise<void> {
    const node = this.nodes[i]!;
    if (this.#killed.has(node)) return;
    this.#killed.add(node);
    node.kill();
    for (const pid of node.workers()) process.kill(pid, "SIGKILL");
    await node.exited;
  }

  async close(): Promise<void> {
    await this.twilio.close();
    const { balancer, folder, server } = this.parts;
    if (balancer.exitCode === null) {
      const ended = once(balancer, "exit");
      balancer.kill("SIGTERM");
      await ended;
    }
    // Told to stop, each would wait for DRAIN_DELAY_SECONDS.
    for (const i of this.nodes.keys()) await this.kill(i);
    await Promise.all([...this.nodes, ...this.#stopped].map((node) => node.remove()));
    await this.model.close();
    await server.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** "node1/0": which worker's address its TwiML named. */
export function placeOf(call: Leg): string {
  return call.streams[0]!.fields.url.split("/media-stream/")[1]!;
}
