import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { createPeerDialer } from "../../../src/adapters/cluster/peer-dialer.js";
import { Network } from "../../../src/adapters/network/network.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { TICKET_HEADER } from "../../../src/domain/peer-ticket.js";
import type { PeerPurpose } from "../../../src/ports/sockets.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";

const SID = "CA1" as CallSid;

describe("the dialer of other nodes", () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function start(isTaken: boolean) {
    const asked: string[] = [];
    const sockets: WebSocket[] = [];
    const server: Server = createServer();
    const webSockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      asked.push(`${request.url} ${request.headers[TICKET_HEADER]}`);
      if (isTaken)
        webSockets.handleUpgrade(request, socket, head, (accepted) => {
          sockets.push(accepted);
          // Before the other side has begun to read.
          accepted.send(Buffer.of(1, 2));
          accepted.send("text");
        });
      else socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => {
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      server.close();
    });
    const clock = new FakeClock();
    const log = new FakeLog();
    const dialer = createPeerDialer({ network: new Network(), clock, log });
    return {
      asked,
      sockets,
      clock,
      log,
      dial: (purpose: PeerPurpose = "listen") =>
        dialer.dial(
          `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          SID,
          purpose,
          "t",
        ),
    };
  }

  it("connects with the ticket, and keeps what comes before it is read", async () => {
    const { dial, asked, sockets } = await start(true);
    const connection = (await dial())!;
    expect(asked).toEqual(["/api/calls/CA1/listen t"]);
    const told: string[] = [];
    const events = {
      message: (message: Uint8Array, isBinary: boolean) =>
        void told.push(isBinary ? `${[...message]}` : Buffer.from(message).toString()),
      closed: (code: number, reason: string) => void told.push(`closed ${code} ${reason}`),
    };
    connection.begin(events);
    await expect.poll(() => told).toEqual(["1,2", "text"]);
    const heard = once(sockets[0]!, "message");
    connection.send(Uint8Array.of(9), true);
    expect([...((await heard)[0] as Buffer)]).toEqual([9]);
    const said = once(sockets[0]!, "message");
    connection.send(Buffer.from("text"), false);
    expect(await said).toEqual([Buffer.from("text"), false]);
    sockets[0]!.close(1013, "too_slow");
    await expect.poll(() => told.at(-1)).toBe("closed 1013 too_slow");
    connection.send(Uint8Array.of(9), true);
    connection.close(1000, "");
  });

  it("says what it wants of the call", async () => {
    const { dial, asked } = await start(true);
    (await dial("stream"))!.close(1000, "");
    expect(asked).toEqual(["/api/calls/CA1/stream t"]);
  });

  it("gives null where the ticket is not taken, where nothing listens, and for no address", async () => {
    const { dial, log } = await start(false);
    expect(await dial()).toBeNull();
    const dialer = createPeerDialer({ network: new Network(), clock: new FakeClock(), log });
    expect(await dialer.dial("http://127.0.0.1:1", SID, "listen", "t")).toBeNull();
    expect(await dialer.dial("nowhere", SID, "stream", "t")).toBeNull();
    expect(log.lines).toHaveLength(3);
    expect(log.lines.join()).not.toContain(TICKET_HEADER);
  });

  it("gives up a node that no longer answers", async () => {
    const { dial, sockets, clock } = await start(true);
    const connection = (await dial())!;
    const told: string[] = [];
    connection.begin({
      message: () => void told.push("message"),
      closed: (code) => void told.push(`closed ${code}`),
    });
    await expect.poll(() => told).toEqual(["message", "message"]);
    // Its process stands still: it reads nothing, and answers no ping.
    sockets[0]!.pause();
    clock.advance(10_000);
    expect(told).toHaveLength(2);
    clock.advance(10_000);
    await expect.poll(() => told.at(-1)).toBe("closed 1006");
  });
});
