/** Name servers that do not answer: a real c-ares against a name server of the test. */
import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NameResolver } from "../../../src/adapters/network/name-resolver.js";

let server: Socket;
let port: number;

/** Answers `good.example` with 192.0.2.7 and nothing else at all. */
beforeEach(async () => {
  server = createSocket("udp4");
  server.on("message", (query, peer) => {
    const isGood = query.includes(Buffer.from("\x04good\x07example\0", "latin1"));
    const isA = query.readUInt16BE(query.indexOf(Buffer.from("\x07example\0", "latin1")) + 9) === 1;
    if (!isGood) return;
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(isA ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    server.send(Buffer.concat(isA ? [head, question, answer] : [head, question]), peer.port);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  port = server.address().port;
});
afterEach(() => {
  server.close();
});

function resolver(): NameResolver {
  const nameServers = new Resolver({ timeout: 300, tries: 1 });
  nameServers.setServers([`127.0.0.1:${port}`]);
  return new NameResolver({ nameServers, hosts: { find: async () => null } });
}

describe("eight tool hosts whose name servers hang", () => {
  it("delay neither the model's name nor the disk", async () => {
    const [tools, vital] = [resolver(), resolver()];
    const hanging = Array.from({ length: 8 }, (_, n) =>
      tools.resolve(`hang${n}.example`).catch((error: unknown) => error),
    );
    const startedMs = performance.now();
    const [addresses] = await Promise.all([
      vital.resolve("good.example"),
      tools.resolve("good.example"),
      readFile(import.meta.filename),
    ]);
    expect(addresses).toEqual([{ address: "192.0.2.7", family: 4 }]);
    expect(performance.now() - startedMs).toBeLessThan(250);
    for (const error of await Promise.all(hanging))
      expect(error).toMatchObject({ code: "ETIMEOUT" });
  });
});
