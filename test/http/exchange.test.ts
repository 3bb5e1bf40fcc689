/** Requests and answers over a real socket, byte by byte. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { BodyBudget } from "../../src/http/body-budget.js";
import { Exchange, type ExchangeOptions } from "../../src/http/exchange.js";
import { UwsServer } from "../../src/http/listener.js";
import { text } from "../../src/http/reply.js";
import { loadUws } from "../../src/http/uws.js";

const servers: UwsServer[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function serve(
  handle: (exchange: Exchange) => void,
  options: ExchangeOptions = {},
): Promise<(bytes: string) => { socket: Socket; got: () => string }> {
  const app = loadUws().uws.App();
  app.any("/*", (response, request) => handle(new Exchange(response, request, options)));
  const server = new UwsServer(app);
  servers.push(server);
  const port = await server.listen("127.0.0.1", 0);
  return (bytes) => {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    let got = "";
    socket.on("data", (chunk) => {
      got += String(chunk);
    });
    socket.on("error", () => undefined);
    socket.write(bytes);
    return { socket, got: () => got };
  };
}

const post = (lines: string, body = ""): string =>
  `POST /a?b=c HTTP/1.1\r\nHost: x\r\n${lines}\r\n${body}`;

describe("the head of a request", () => {
  it("is kept as it was sent, with the first of repeated headers and the peer's address", async () => {
    const heads: object[] = [];
    const send = await serve((exchange) => {
      const { method, path, query, address, header } = exchange.head;
      heads.push({ method, path, query, address, a: header("x-a"), none: header("x-none") });
      exchange.answer(text(200, "ok"));
    });
    const { got } = send("GET /A%20b?c=%2B HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\n\r\n");
    await expect.poll(got).toContain("200 OK");
    expect(heads).toEqual([
      { method: "GET", path: "/A%20b", query: "c=%2B", address: "127.0.0.1", a: "1", none: "" },
    ]);
  });

  it.each([
    ["Content-Length: 5\r\n", 5, false],
    ["", 0, false],
    ["Transfer-Encoding: chunked\r\n", null, false],
    ["Content-Length: 5\r\nContent-Length: 5\r\n", null, true],
    ["Content-Length: +5\r\n", null, true],
    ["Transfer-Encoding: gzip, chunked\r\n", null, true],
  ])("with %j declares %s bytes and is ambiguous: %s", async (lines, bytes, isAmbiguous) => {
    let seen: unknown;
    const send = await serve((exchange) => {
      seen = [exchange.declaredBytes, exchange.ambiguous];
      exchange.answer(text(200, "ok", { close: true }));
    });
    send(post(lines, "abcde"));
    await expect.poll(() => seen).toEqual([bytes, isAmbiguous]);
  });
});

describe("the body of a request", () => {
  it.each([
    ["declared", "Content-Length: 6\r\n", ["ab", "c", "def"]],
    ["chunked", "Transfer-Encoding: chunked\r\n", ["2\r\nab\r\n", "4\r\ncdef\r\n", "0\r\n\r\n"]],
  ])("arrives whole, however it was cut: %s", async (_kind, lines, parts) => {
    const bodies: string[] = [];
    const send = await serve((exchange) => {
      exchange.readBody({ maxBytes: 100 }, (body) => {
        bodies.push(body.toString());
        exchange.answer(text(200, "ok"));
      });
    });
    const { socket, got } = send(post(lines));
    for (const part of parts) {
      await wait(10);
      socket.write(part);
    }
    await expect.poll(got).toContain("200 OK");
    expect(bodies).toEqual(["abcdef"]);
  });

  it.each([
    ["arrives whole in many chunks of a packet's size", 300, "200 OK"],
    ["is cut off in many small chunks", 3, ""],
  ])("%s", async (_what, bytes, answer) => {
    const lengths: number[] = [];
    const send = await serve((exchange) => {
      exchange.readBody({ maxBytes: 64 * 1024 }, (body) => {
        lengths.push(body.length);
        exchange.answer(text(200, "ok"));
      });
    });
    const chunk = `${bytes.toString(16)}\r\n${"a".repeat(bytes)}\r\n`;
    const { socket, got } = send(
      post("Transfer-Encoding: chunked\r\n", `${chunk.repeat(200)}0\r\n\r\n`),
    );
    const closed = once(socket, "close");
    if (answer === "") await closed;
    else await expect.poll(got).toContain(answer);
    expect([got() === "", lengths]).toEqual(answer === "" ? [true, []] : [false, [200 * bytes]]);
  });

  it("is refused with 413 when it grows beyond the limit, also undeclared", async () => {
    let done = 0;
    const send = await serve((exchange) => {
      exchange.readBody({ maxBytes: 4 }, () => {
        done += 1;
      });
    });
    const declared = send(post("Content-Length: 5\r\n"));
    await expect.poll(declared.got).toContain("413 ");
    const chunked = send(post("Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n"));
    await expect.poll(chunked.got).toContain("413 ");
    expect(done).toBe(0);
  });

  it("takes its room from the budget until it is whole or its sender has gone", async () => {
    const budget = new BodyBudget();
    let whole = 0;
    const send = await serve((exchange) => {
      exchange.readBody({ maxBytes: 10_000, budget }, () => {
        whole += 1;
        exchange.answer(text(200, "ok"));
      });
    });
    const first = send(post("Content-Length: 9000\r\n"));
    await expect.poll(() => budget.bytes).toBe(9_000);
    first.socket.write("x".repeat(9_000));
    await expect.poll(() => [whole, budget.bytes]).toEqual([1, 0]);
    const second = send(post("Content-Length: 9000\r\n", "x"));
    await expect.poll(() => budget.bytes).toBe(9_000);
    second.socket.destroy();
    await expect.poll(() => budget.bytes).toBe(0);
    expect(whole).toBe(1);
  });
});

describe("an answer", () => {
  it("is given once, and not at all to a peer that has gone", async () => {
    const answered: number[] = [];
    let late: Exchange | null = null;
    const send = await serve(
      (exchange) => {
        if (exchange.head.path === "/late") {
          late = exchange;
          return;
        }
        exchange.answer(text(200, "one"));
        exchange.answer(text(500, "two"));
      },
      { answered: (_exchange, status) => answered.push(status) },
    );
    await expect.poll(send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").got).toContain("one");
    const gone = send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    await expect.poll(() => late !== null).toBe(true);
    gone.socket.destroy();
    await expect.poll(() => late?.open).toBe(false);
    late!.answer(text(200, "three"));
    expect(answered).toEqual([200]);
  });

  it("ends the connection when no more requests are wanted", async () => {
    const send = await serve((exchange) => exchange.answer(text(200, "ok")), { last: () => true });
    const { socket } = send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "close");
  });
});

describe("an answer in parts", () => {
  async function* parts(count: number, bytes: number, taken: { count: number }) {
    for (let i = 0; i < count; i++) {
      taken.count += 1;
      yield String.fromCharCode(97 + (i % 26)).repeat(bytes);
    }
  }
  const reply = { status: 200, type: "text/plain" };

  it("brings all parts in order, and the head before them", async () => {
    const taken = { count: 0 };
    const send = await serve((exchange) => {
      void exchange.answerInParts(reply, parts(5, 3, taken));
    });
    const { got } = send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await expect.poll(got).toMatch(/0\r\n\r\n$/);
    const lines = got().split("\r\n\r\n").slice(1).join("\r\n\r\n").split("\r\n");
    // Length, part, length, part, …, 0.
    expect(lines.filter((_, i) => i % 2 === 1).join("")).toBe("aaabbbcccdddeee");
  });

  it("waits for a slow reader before it makes the next part", async () => {
    const taken = { count: 0 };
    let ended = false;
    const send = await serve((exchange) => {
      exchange.answerInParts(reply, parts(400, 100_000, taken)).then(() => {
        ended = true;
      });
    });
    const { socket } = send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.pause();
    await wait(300);
    expect(taken.count).toBeLessThan(200);
    socket.resume();
    await expect.poll(() => ended, { timeout: 10_000 }).toBe(true);
    expect(taken.count).toBe(400);
  });

  it("stops making parts when the reader goes", async () => {
    const taken = { count: 0 };
    let cleaned = false;
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) {
          taken.count += 1;
          yield "x".repeat(100_000);
        }
      } finally {
        cleaned = true;
      }
    }
    const send = await serve((exchange) => {
      void exchange.answerInParts(reply, endless());
    });
    const { socket } = send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    await expect.poll(() => cleaned, { timeout: 5_000 }).toBe(true);
  });

  it("fails before anything is sent when the first part cannot be had", async () => {
    async function* broken(): AsyncGenerator<string> {
      yield* [];
      throw new Error("the database is away");
    }
    const send = await serve((exchange) => {
      exchange
        .answerInParts(reply, broken())
        .catch(() => exchange.answer(text(503, "unavailable")));
    });
    await expect.poll(send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").got).toMatch(/^HTTP\/1.1 503 /);
  });

  it("ends the connection when a later part cannot be had, so that the reader notices", async () => {
    async function* broken(): AsyncGenerator<string> {
      yield "some";
      throw new Error("the database is away");
    }
    const failures: unknown[] = [];
    const send = await serve((exchange) => {
      exchange.answerInParts(reply, broken()).catch((error: unknown) => failures.push(error));
    });
    const { socket, got } = send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "close");
    expect(got()).not.toMatch(/0\r\n\r\n$/);
    expect(failures).toHaveLength(1);
  });
});
