/** Opens one Realtime session, configures it and closes it, for `doctor`. */
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { UpstreamClose, UpstreamSocket } from "../../ports/sockets.js";
import type { RealtimeSession } from "../../wire/realtime-client.js";
import type { ServerFault } from "../../wire/realtime-objects.js";
import type { Network } from "../network/network.js";
import { createModelSocketDialer } from "./model-socket.js";

export interface SessionProbeOptions {
  /** The model's socket without query. */
  readonly url: string;
  readonly model: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs: number;
  readonly network: Network;
}

export type SessionProbeResult =
  /** The formats of the session that is in force. */
  | { readonly kind: "configured"; readonly input: string | null; readonly output: string | null }
  | { readonly kind: "refused"; readonly fault: ServerFault }
  | { readonly kind: "closed"; readonly failure: UpstreamClose }
  | { readonly kind: "timeout" };

/**
 * Sends one `session.update` and waits for the answer. No response is requested, so that nothing is
 * charged.
 */
export function probeSession(
  session: RealtimeSession,
  options: SessionProbeOptions,
): Promise<SessionProbeResult> {
  const { url, model, apiKey, clock, log, timeoutMs, network } = options;
  const address = new URL(url);
  address.searchParams.set("model", model);
  const dialer = createModelSocketDialer({
    apiKey,
    clock,
    log,
    network,
    handshakeTimeoutMs: timeoutMs,
  });
  return new Promise((resolve) => {
    let socket: UpstreamSocket | null = null;
    const end = (result: SessionProbeResult): void => {
      timer.cancel();
      resolve(result);
      socket?.close(1000, "");
    };
    const timer = clock.after(timeoutMs, () => end({ kind: "timeout" }));
    socket = dialer.dial(address.href, {
      opened: () => socket?.send(Buffer.from(JSON.stringify({ type: "session.update", session }))),
      message: (bytes) => {
        const result = readAnswer(JSON.parse(Buffer.from(bytes).toString("utf8")));
        if (result !== null) end(result);
      },
      closed: (failure) => end({ kind: "closed", failure }),
    });
  });
}

function readAnswer(event: unknown): SessionProbeResult | null {
  switch (text(event, "type")) {
    case "session.updated": {
      const audio = field(field(event, "session"), "audio");
      const format = (side: string) => text(field(field(audio, side), "format"), "type");
      return { kind: "configured", input: format("input"), output: format("output") };
    }
    case "error": {
      const error = field(event, "error");
      const fault: ServerFault = {
        type: text(error, "type"),
        code: text(error, "code"),
        message: text(error, "message"),
        param: text(error, "param"),
        eventId: null,
      };
      return { kind: "refused", fault };
    }
    default:
      return null;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function text(value: unknown, name: string): string | null {
  const found = field(value, name);
  return typeof found === "string" ? found : null;
}
