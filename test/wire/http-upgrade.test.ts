import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import {
  acceptSource,
  type UpgradeAnswer,
  UpgradeReader,
  upgradeRequest,
} from "../../src/wire/http-upgrade.js";

// RFC 6455, section 1.3.
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const GOOD = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

/**
 * Feeds the text in two pieces; what the reader says, and where in the whole text it says frames
 * begin.
 */
function answer(text: string, cut = 0): UpgradeAnswer | null {
  const reader = new UpgradeReader(ACCEPT);
  const all = Buffer.from(`##${text}`, "latin1");
  const first = reader.read(all, 2, 2 + cut);
  if (first !== null) return first;
  return reader.read(all, 2 + cut, all.length);
}

describe("upgradeRequest", () => {
  it("is what the standard asks for", () => {
    const request = upgradeRequest("server.example.com:8080", "/chat?a=b", KEY, {
      Authorization: "Bearer k",
    });
    const lines = request.split("\r\n");
    expect(lines[0]).toBe("GET /chat?a=b HTTP/1.1");
    expect(lines.slice(1).sort()).toEqual([
      "",
      "",
      "Authorization: Bearer k",
      "Connection: Upgrade",
      "Host: server.example.com:8080",
      `Sec-WebSocket-Key: ${KEY}`,
      "Sec-WebSocket-Version: 13",
      "Upgrade: websocket",
    ]);
    expect(request.endsWith("\r\n\r\n")).toBe(true);
  });

  it("hashes what the standard hashes", () => {
    expect(acceptSource(KEY)).toBe("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  });

  it.each([
    ["Authorization", "Bearer sk-1\r\nX: y"],
    ["Authorization", "Bearer sk-1\n"],
    ["Authorization", "Bearer sk-1\0"],
    ["Authorization", "Bearer sk-1…"],
    ["X Y", "sk-1"],
    ["", "sk-1"],
  ])("refuses to send %j: %j, and does not tell the value", (name, value) => {
    const send = () => upgradeRequest("h", "/", KEY, { [name]: value });
    expect(send).toThrow(WireError);
    expect(send).not.toThrow(/sk-1/);
  });
});

describe("UpgradeReader", () => {
  it("accepts, cut anywhere, and tells where the frames begin", () => {
    const text = `${GOOD}\x81\x01a`;
    for (let cut = 0; cut <= GOOD.length; cut++) {
      expect(answer(text, cut)).toEqual({ kind: "accepted", next: 2 + GOOD.length });
    }
  });

  it("takes headers in any case, order and spacing", () => {
    const text = `HTTP/1.1 101\r\nsec-websocket-accept:${ACCEPT}  \r\nX-Empty:\r\nCONNECTION:  keep-alive,  Upgrade\r\nupgrade: WebSocket\r\n\r\n`;
    expect(answer(text)).toEqual({ kind: "accepted", next: 2 + text.length });
  });

  it("waits behind what only announces the answer", () => {
    const text = `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${GOOD}`;
    for (const cut of [0, 30, 40, 41, 42, 43, 44, 60, text.length]) {
      expect(answer(text, cut)).toEqual({ kind: "accepted", next: 2 + text.length });
    }
  });

  it.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "status line"],
    ["HTTP/2", GOOD.replace("HTTP/1.1", "HTTP/2.0"), "status line"],
    ["a status of four digits", GOOD.replace("101", "1010"), "status line"],
    ["a header without a colon", GOOD.replace("Upgrade: w", "Upgrade w"), "header line"],
    ["a folded header", GOOD.replace("Connection:", " Connection:"), "header line"],
    ["a space before the colon", GOOD.replace("Connection:", "Connection :"), "header line"],
    ["another protocol", GOOD.replace("websocket", "h2c"), "upgrade"],
    [
      "no Upgrade in Connection",
      GOOD.replace("Connection: Upgrade", "Connection: close"),
      "connection",
    ],
    ["another key's answer", GOOD.replace("s3pP", "S3pP"), "sec-websocket-accept"],
    [
      "an extension that was not asked for",
      GOOD.replace("Upgrade: w", "Sec-WebSocket-Extensions: permessage-deflate\r\nUpgrade: w"),
      "sec-websocket-extensions",
    ],
    [
      "a subprotocol that was not asked for",
      GOOD.replace("Upgrade: w", "Sec-WebSocket-Protocol: realtime\r\nUpgrade: w"),
      "sec-websocket-protocol",
    ],
    ["a head without end", `HTTP/1.1 101 X\r\n${"X: y\r\n".repeat(4000)}`, "head too long"],
  ])("refuses %s", (_, text, fault) => {
    for (const cut of [0, 10, text.length]) {
      expect(answer(text, cut)).toEqual({ kind: "invalid", fault: `handshake: ${fault}` });
    }
  });

  it.each([
    [
      "with a length",
      'HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\n{"a":"é"}',
      '{"a":"é"}',
    ],
    ["without a body", "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", ""],
    [
      "in chunks",
      "HTTP/1.1 429 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
      "abcdefg",
    ],
    [
      "in chunks with a trailer",
      "HTTP/1.1 429 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n",
      "a",
    ],
    ["that may have none", "HTTP/1.1 304 X\r\n\r\n", ""],
  ])("tells a refusal %s once it is whole", (_, text, body) => {
    const status = Number(text.slice(9, 12));
    const wire = Buffer.from(text).toString("latin1");
    for (let cut = 0; cut < wire.length; cut++) {
      const reader = new UpgradeReader(ACCEPT);
      const bytes = Buffer.from(wire, "latin1");
      expect(reader.read(bytes, 0, cut)).toBeNull();
      expect(reader.read(bytes, cut, bytes.length)).toEqual({ kind: "refused", status, body });
    }
  });

  it("tells a refusal that ends with the connection", () => {
    const reader = new UpgradeReader(ACCEPT);
    expect(reader.ended()).toBeNull();
    const bytes = Buffer.from("HTTP/1.1 502 Bad Gateway\r\n\r\nupstream");
    expect(reader.read(bytes, 0, bytes.length)).toBeNull();
    expect(reader.ended()).toEqual({ kind: "refused", status: 502, body: "upstream" });
  });

  it("reads no more of a refusal than it needs", () => {
    const reader = new UpgradeReader(ACCEPT);
    const bytes = Buffer.from(
      `HTTP/1.1 500 X\r\nContent-Length: 9000000\r\n\r\n${"x".repeat(9000)}`,
    );
    expect(reader.read(bytes, 0, bytes.length)).toMatchObject({ kind: "refused", status: 500 });
  });
});
