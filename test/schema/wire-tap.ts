import type { AddressInfo } from "node:net";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { clientEventFaults, serverEventFaults } from "./openai-events.js";

export interface WireTap {
  /** Where the relay dials in place of the model. */
  readonly url: string;
  /** How many events of each type passed, by direction: "client response.create". */
  readonly counts: ReadonlyMap<string, number>;
  /** What is wrong with the events that passed, with their direction and type. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/**
 * Stands between the relay and a model, hands every event on, and checks it against the published
 * schemas.
 *
 * @param target  the model's address; asked when the relay dials.
 */
export async function startWireTap(target: () => string): Promise<WireTap> {
  const counts = new Map<string, number>();
  const faults: string[] = [];
  const check = (from: "client" | "server", data: RawData): void => {
    const event = JSON.parse(String(data)) as { type: string };
    const name = `${from} ${event.type}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const found = from === "client" ? clientEventFaults(event) : serverEventFaults(event);
    faults.push(...found.map((fault) => `${name}: ${fault}`));
  };
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise<void>((resolve) => server.once("listening", resolve));
  server.on("connection", (relay, request) => {
    const query = new URL(request.url ?? "/", "ws://tap").search;
    const authorization = request.headers.authorization ?? "";
    const model = new WebSocket(target() + query, { headers: { authorization } });
    const waiting: string[] = [];
    relay.on("message", (data) => {
      check("client", data);
      if (model.readyState === WebSocket.OPEN) model.send(String(data));
      else waiting.push(String(data));
    });
    model.on("open", () => {
      for (const text of waiting.splice(0)) model.send(text);
    });
    model.on("message", (data) => {
      check("server", data);
      relay.send(String(data));
    });
    relay.on("close", () => model.close());
    model.on("close", () => relay.close());
    for (const socket of [relay, model]) socket.on("error", () => socket.terminate());
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/realtime`,
    counts,
    faults,
    close: () => {
      for (const socket of server.clients) socket.terminate();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
