import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { TICKET_HEADER } from "../../src/domain/peer-ticket.js";
import type { HttpServer } from "../../src/http/listener.js";
import { PEER_STREAM_PATH } from "../../src/http/peer-stream-route.js";
import type { MediaSocket } from "../../src/ports/sockets.js";
import { startOperator } from "./harness.js";

const TOKEN = "an-admin-token-of-some-length";

describe("GET /api/calls/:callSid/stream", () => {
  const servers: HttpServer[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function start() {
    const said: string[] = [];
    const sockets: MediaSocket[] = [];
    const side = await startOperator({
      token: TOKEN,
      streams: {
        redeem: (callSid, ticket) => `${callSid} ${ticket}` === "CA1 right",
        open: (socket) => {
          sockets.push(socket);
          return {
            message: (message) => void said.push(Buffer.from(message).toString()),
            closed: (code) => void said.push(`closed ${code}`),
          };
        },
      },
    });
    servers.push(side.server);
    const open = (ticket: string, callSid = "CA1") => {
      const url = `ws://127.0.0.1:${side.port}${PEER_STREAM_PATH.replace(":callSid", callSid)}`;
      const authorization = `Bearer ${TOKEN}`;
      return new WebSocket(url, { headers: { authorization, [TICKET_HEADER]: ticket } });
    };
    return { ...side, said, sockets, open };
  }

  it("is a stream for who has its ticket, both ways", async () => {
    const { open, said, sockets, metrics } = await start();
    const socket = open("right");
    await once(socket, "open");
    socket.send("hello");
    await expect.poll(() => said).toEqual(["hello"]);
    const heard = once(socket, "message");
    sockets[0]!.send(Buffer.from("voice"));
    expect(await heard).toEqual([Buffer.from("voice"), false]);
    socket.close(1000);
    await expect.poll(() => said.at(-1)).toBe("closed 1000");
    expect(metrics.requests).toEqual([`${PEER_STREAM_PATH} 101`]);
  });

  it.each([
    ["wrong", "CA1"],
    ["", "CA1"],
    ["right", "CA2"],
    ["right", "x"],
  ])(
    "is refused with the ticket “%s” of the call %s, whatever token there is",
    async (ticket, callSid) => {
      const { open, sockets } = await start();
      const socket = open(ticket, callSid);
      socket.on("error", () => undefined);
      const [, response] = await once(socket, "unexpected-response");
      expect((response as { statusCode: number }).statusCode).toBe(403);
      expect(sockets).toEqual([]);
    },
  );
});
