import { createHash } from "node:crypto";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { RelayError } from "../../src/domain/errors.js";
import { TICKET_HEADER } from "../../src/domain/peer-ticket.js";
import { consoleRoutes } from "../../src/http/console-route.js";
import { LISTEN_PATH } from "../../src/http/listen-route.js";
import type { HttpServer } from "../../src/http/listener.js";
import type { ListenerSocket } from "../../src/ports/sockets.js";
import type { ListenRefusal, OpenListening } from "../../src/relay/calls/listen-service.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { send, startOperator } from "./harness.js";

const tokenOf = (role: string): string => `the-token-of-a-${role}`;
const operators = (["viewer", "supervisor"] as const).map((role) => ({
  name: `a-${role}`,
  role,
  tokenSha256: createHash("sha256").update(tokenOf(role)).digest("hex"),
}));
const bearer = (role: string) => ({ authorization: `Bearer ${tokenOf(role)}` });

describe("GET /api/calls/:callSid/listen", () => {
  const servers: HttpServer[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function start(refusal: ListenRefusal | Error | null = null) {
    const joined: { by: string; socket: ListenerSocket }[] = [];
    const heard: number[] = [];
    let closed = 0;
    let abandoned = 0;
    const openFor = (by: string): OpenListening => ({
      join: (socket) => {
        joined.push({ by, socket });
        return { audio: (ulaw) => void heard.push(...ulaw), closed: () => void closed++ };
      },
      abandon: () => void abandoned++,
    });
    const clock = new FakeClock();
    const side = await startOperator({
      operators,
      clock,
      listening: {
        refusal: async () => {
          if (refusal instanceof Error) throw refusal;
          return refusal;
        },
        open: async (_, by) => {
          if (refusal instanceof Error) throw refusal;
          return refusal ?? openFor(by);
        },
        openHere: (_, by) => (refusal === null || refusal instanceof Error ? openFor(by) : refusal),
        redeem: (callSid, ticket) => (`${callSid} ${ticket}` === "CA1 right" ? "ada" : null),
      },
      routes: (parts) => consoleRoutes(parts),
    });
    servers.push(side.server);
    const open = (headers: Record<string, string>, callSid = "CA1") => {
      const path = LISTEN_PATH.replace(":callSid", callSid);
      return new WebSocket(`ws://127.0.0.1:${side.port}${path}`, { headers });
    };
    const status = async (headers: Record<string, string>, callSid?: string) => {
      const socket = open(headers, callSid);
      socket.on("error", () => undefined);
      const [, response] = await once(socket, "unexpected-response");
      return (response as { statusCode: number }).statusCode;
    };
    return { ...side, clock, heard, joined, open, status, closed: () => closed };
  }

  it("takes the role supervisor, and the name goes along", async () => {
    const side = await start();
    expect(await side.status({})).toBe(401);
    expect(await side.status(bearer("stranger"))).toBe(401);
    expect(await side.status(bearer("viewer"))).toBe(403);
    expect(await side.status(bearer("supervisor"), "x")).toBe(404);
    expect(await side.status({ ...bearer("supervisor"), origin: "https://evil.example" })).toBe(
      403,
    );
    const socket = side.open(bearer("supervisor"));
    await once(socket, "open");
    const [listener] = side.joined;
    expect(listener!.by).toBe("a-supervisor");
    listener!.socket.send(Uint8Array.of(1, 2, 3), true);
    expect((await once(socket, "message"))[0]).toEqual(Buffer.of(1, 2, 3));
    socket.send(Uint8Array.of(7, 8));
    socket.send("no audio");
    await expect.poll(() => side.heard).toEqual([7, 8]);
    socket.close();
    await expect.poll(side.closed).toBe(1);
    // What comes after is of no harm.
    listener!.socket.send(Uint8Array.of(1), true);
    expect(listener!.socket.bufferedBytes()).toBe(0);
    listener!.socket.close(1000, "");
    const entries = await side.audit.find({}, null, 10);
    expect(entries.map(({ operator, status }) => `${operator} ${status}`).sort()).toEqual([
      "a-supervisor 101",
      "a-supervisor 404",
    ]);
  });

  it.each([
    [{ reason: "not_found" }, 404],
    [{ reason: "not_live" }, 409],
    [{ reason: "too_many_listeners" }, 409],
    [{ reason: "elsewhere", node: "node-2" }, 409],
    [{ reason: "path" }, 501],
  ] as const)("is refused for %j with %i, upgrade or not", async (refusal, status) => {
    const side = await start(refusal);
    expect(await side.status(bearer("supervisor"))).toBe(status);
    const plain = await send(side.port, "GET", "/api/calls/CA1/listen", bearer("supervisor"));
    expect([plain.status, JSON.parse(plain.body)]).toMatchObject([
      status,
      { error: refusal.reason, ...("node" in refusal ? { node: refusal.node } : {}) },
    ]);
    expect(side.joined).toEqual([]);
  });

  it("takes another process's ticket in place of a token, for its own calls alone", async () => {
    const ticket = (value: string) => ({ [TICKET_HEADER]: value });
    const side = await start();
    expect(await side.status(ticket("wrong"))).toBe(403);
    expect(await side.status({ ...bearer("supervisor"), ...ticket("wrong") })).toBe(403);
    expect(await side.status(ticket("right"), "CA2")).toBe(403);
    const socket = side.open(ticket("right"));
    await once(socket, "open");
    expect(side.joined.map(({ by }) => by)).toEqual(["ada"]);
    socket.close();
    await expect.poll(side.closed).toBe(1);
    // The process that has the operator has written it.
    expect(await side.audit.find({}, null, 10)).toEqual([]);
    const full = await start({ reason: "too_many_listeners" });
    expect(await full.status(ticket("right"))).toBe(409);
  });

  // A rejection that is not handled would replace the worker, with all of its calls.
  it.each([
    [new RelayError("store_unavailable", "away"), 503, "store_unavailable"],
    [new Error("a fault"), 500, "internal"],
  ])("answers when it cannot be judged: %s", async (error, status, code) => {
    const side = await start(error);
    expect(await side.status(bearer("supervisor"))).toBe(status);
    const plain = await send(side.port, "GET", "/api/calls/CA1/listen", bearer("supervisor"));
    expect([plain.status, JSON.parse(plain.body)]).toEqual([status, { error: code }]);
  });

  it("ends when its operator signs out of the console", async () => {
    const side = await start();
    const body = JSON.stringify({ token: tokenOf("supervisor") });
    const headers = { "content-type": "application/json" };
    const signedIn = await send(side.port, "POST", "/console/session", headers, body);
    const cookie = String(signedIn.headers["set-cookie"]).split(";")[0]!;
    const socket = side.open({ cookie });
    await once(socket, "open");
    await send(side.port, "DELETE", "/console/session", { cookie });
    const closed = once(socket, "close");
    side.clock.advance(2_000);
    expect((await closed)[0]).toBe(1008);
    expect(await side.status({ cookie })).toBe(401);
  });
});
