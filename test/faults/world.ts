import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { speechLike } from "../../sim/audio/synth.js";
import type { Turn } from "../../sim/model/script.js";
import type { ModelSession } from "../../sim/model/session.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type PlaceCall, type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";
import { Inspector } from "./inspector.js";
import { SteadyCalls } from "./steady.js";

export const PUBLIC_URL = "https://relay.test";
export const ADMIN_TOKEN = "token-of-the-fault-checks";
const STEADY_NUMBER = "+12025550190";
const GREETING = { text: "Hello.", audio: speechLike(300, 1) };

const AGENTS = `
defaults:
  transcription: {model: gpt-live-transcribe}
  limits: {idle_hangup_s: null}
  transfer:
    default: desk
    destinations:
      desk: {dial: "+12025550123", description: general questions}
agents:
  support:
    instructions: You answer the phone.
    greeting: Hello.
    tools: [lookup_order, transfer_call, end_call]
  steady:
    instructions: You listen.
    model: gpt-realtime-mini
    transcription: null
numbers: {"*": support, "${STEADY_NUMBER}": steady}
`;

/** What a world has opened so far. */
interface Opened {
  model?: SimulatedModel;
  twilio?: SimulatedTwilio;
  steady?: SteadyCalls;
  relay?: RelayNode;
  inspector?: Inspector;
}

/** Callers first, and the model last: a relay without calls need not drain. */
async function close({ model, twilio, steady, relay, inspector }: Opened): Promise<void> {
  inspector?.close();
  steady?.stop();
  await twilio?.close();
  await relay?.remove();
  await model?.close();
}

/** The relay in processes of its own, the peers around it, and the steady calls. */
export class World {
  readonly relay: RelayNode;
  readonly model: SimulatedModel;
  readonly twilio: SimulatedTwilio;
  readonly #steady: SteadyCalls | null;
  readonly #inspector: Inspector | null;
  /** What the model says next; without one it greets. */
  readonly turns: Turn[];
  /** What it says next in a certain session; null: as `turns` say. */
  readonly playing: { turnOf: ((session: ModelSession, index: number) => Turn | null) | null };
  readonly #calls: Leg[] = [];

  private constructor(fields: {
    readonly relay: RelayNode;
    readonly model: SimulatedModel;
    readonly twilio: SimulatedTwilio;
    readonly steady: SteadyCalls | null;
    readonly inspector: Inspector | null;
    readonly turns: Turn[];
    readonly playing: World["playing"];
  }) {
    this.relay = fields.relay;
    this.model = fields.model;
    this.twilio = fields.twilio;
    this.#steady = fields.steady;
    this.#inspector = fields.inspector;
    this.turns = fields.turns;
    this.playing = fields.playing;
  }

  /**
   * A world that does not come about leaves nothing running.
   *
   * @param calls  steady ones; 0: for a case that the relay does not outlive.
   */
  static async start(options: {
    readonly calls: number;
    readonly env?: Readonly<Record<string, string>>;
  }): Promise<World> {
    const opened: Opened = {};
    try {
      return await World.#open(opened, options.calls, options.env ?? {});
    } catch (error) {
      await close(opened);
      throw error;
    }
  }

  static async #open(
    opened: Opened,
    calls: number,
    env: Readonly<Record<string, string>>,
  ): Promise<World> {
    const turns: Turn[] = [];
    const playing: World["playing"] = { turnOf: null };
    const model = await startModel({
      keepAudio: false,
      script: (session) => ({
        turns: ({ index }) =>
          playing.turnOf?.(session, index) ?? turns.shift() ?? { say: GREETING },
      }),
    });
    opened.model = model;
    const twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20, keepAudio: false });
    opened.twilio = twilio;
    const front = calls > 0 ? await SteadyCalls.start(model.port) : null;
    if (front !== null) opened.steady = front.steady;
    const relay = await startNode(
      { model, twilio, publicUrl: PUBLIC_URL },
      {
        UPLINK_IDLE_PTIME_MS: "20",
        ADMIN_TOKEN,
        ...(front === null
          ? {}
          : {
              OPENAI_REALTIME_URL: `ws://127.0.0.1:${front.port}/v1/realtime`,
              NODE_OPTIONS: "--inspect=127.0.0.1:0",
            }),
        ...env,
      },
    );
    opened.relay = relay;
    writeFileSync(relay.agentsFile, AGENTS);
    process.kill(relay.pid, "SIGHUP");
    twilio.route(PUBLIC_URL, `http://127.0.0.1:${relay.publicPort}`);
    await until(() => relay.log().includes("agents: file reloaded"), "the agents file is read");
    const worker = relay.workers().at(-1) ?? relay.pid;
    let inspector: Inspector | null = null;
    if (front !== null) {
      await front.steady.call({
        calls,
        port: relay.publicPort,
        publicUrl: PUBLIC_URL,
        accountSid: twilio.accountSid,
        authToken: twilio.authToken,
        number: STEADY_NUMBER,
        relayPid: worker,
      });
      const urls = [...relay.log().matchAll(/ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/g)];
      inspector = await Inspector.connect(urls.at(-1)?.[0] ?? "", worker);
      opened.inspector = inspector;
    }
    return new World({
      relay,
      model,
      twilio,
      steady: front?.steady ?? null,
      inspector,
      turns,
      playing,
    });
  }

  /** Of the process that carries the calls. */
  get workerPid(): number {
    return this.relay.workers().at(-1) ?? this.relay.pid;
  }

  get steady(): SteadyCalls {
    assert(this.#steady !== null, "this relay has no steady calls");
    return this.#steady;
  }

  get inspector(): Inspector {
    assert(this.#inspector !== null, "this relay has no steady calls");
    return this.#inspector;
  }

  /** A caller of the agent `support`, once they hear it. */
  async talk(call: PlaceCall = {}): Promise<Leg> {
    const leg = this.twilio.placeCall(call);
    this.#calls.push(leg);
    await leg.events.until("first_media", {}, 20_000);
    return leg;
  }

  /** The operator API. */
  async operator(path: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(`http://127.0.0.1:${this.relay.adminPort}${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${ADMIN_TOKEN}`,
        "content-type": "application/json",
        // A kept connection may be closed at the moment of the next request.
        connection: "close",
        ...init.headers,
      },
    });
  }

  /** The record of a call that has ended. */
  async record(callSid: string): Promise<Record<string, unknown>> {
    for (let i = 0; i < 100; i++) {
      const answer = await this.operator(`/api/calls/${callSid}`);
      const record = answer.ok ? ((await answer.json()) as Record<string, unknown>) : {};
      if (record["endedAt"] != null) return record;
      await sleep(50);
    }
    throw new Error(`the call ${callSid} has no record that has ended`);
  }

  /** A value of /metrics, all its series added up. */
  async metric(name: string): Promise<number> {
    const text = await (await this.operator("/metrics")).text();
    const values = [...text.matchAll(new RegExp(`^murelay_${name}(?:\\{.*\\})? (\\S+)$`, "gm"))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Seconds that the event loop was blocked, by cause. */
  async blocks(): Promise<ReadonlyMap<string, number>> {
    const text = await (await this.operator("/metrics")).text();
    const series = text.matchAll(
      /^murelay_event_loop_block_seconds_sum\{cause="(\w+)".*\} (\S+)$/gm,
    );
    return new Map([...series].map(([, cause = "", value]) => [cause, Number(value)]));
  }

  /** A new caller is answered by the agent: the relay is as it was. */
  async answersNewCaller(): Promise<void> {
    const call = await this.talk();
    call.hangUp();
    await call.ended;
  }

  /** The calls of a case are over; what it switched on is off. */
  async tidyUp(): Promise<void> {
    this.turns.length = 0;
    this.playing.turnOf = null;
    Object.assign(this.model.faults, { handshake: null, rejectSessions: null, replaceTurn: null });
    for (const call of this.#calls.splice(0)) call.hangUp();
    await this.twilio.settled();
  }

  /** Reads the agents file again and waits until `agent` is among the agents, or is not. */
  async reloadAgents(agent: string, isThere: boolean): Promise<void> {
    const asked = await this.operator("/api/agents/reload", { method: "POST" });
    assert.equal(asked.status, 202, await asked.text());
    await until(
      async () => {
        const text = await (await this.operator("/api/agents")).text();
        return text.includes(`"name":"${agent}"`) === isThere;
      },
      `the agent ${agent} is ${isThere ? "in force" : "gone"}`,
      60_000,
    );
  }

  agents(): string {
    return readFileSync(this.relay.agentsFile, "utf8");
  }

  async stop(): Promise<void> {
    const { model, twilio, relay } = this;
    await close({
      ...{ model, twilio, relay },
      ...(this.#steady === null ? {} : { steady: this.#steady }),
      ...(this.#inspector === null ? {} : { inspector: this.#inspector }),
    });
  }
}

export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(20);
  }
}
