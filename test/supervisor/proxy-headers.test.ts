import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { PEER_ADDRESS_HEADER } from "../../src/http/exchange.js";
import { forwardedHeaders, responseHeaders } from "../../src/supervisor/proxy-headers.js";

const HOP_BY_HOP = {
  connection: "keep-alive",
  "keep-alive": "timeout=5",
  "transfer-encoding": "chunked",
  upgrade: "websocket",
  "proxy-connection": "keep-alive",
};
const message = (headers: object, remoteAddress?: string) =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;

describe("the headers that the operator proxy passes on", () => {
  it("to a worker are the client's, with its address and without those of the connection", () => {
    const headers = { host: "relay.test", authorization: "Bearer x", ...HOP_BY_HOP };
    expect(forwardedHeaders(message(headers, "10.0.0.7"))).toEqual({
      host: "relay.test",
      authorization: "Bearer x",
      [PEER_ADDRESS_HEADER]: "10.0.0.7",
    });
  });

  it("cannot contain an address that the client has written itself", () => {
    const forged = message({ [PEER_ADDRESS_HEADER]: "127.0.0.1" }, "10.0.0.7");
    expect(forwardedHeaders(forged)[PEER_ADDRESS_HEADER]).toBe("10.0.0.7");
    const gone = message({ [PEER_ADDRESS_HEADER]: "127.0.0.1" });
    expect(forwardedHeaders(gone)[PEER_ADDRESS_HEADER]).toBe("");
  });

  it("to the client are the worker's, without those of the connection", () => {
    const headers = { "content-type": "text/plain", "set-cookie": ["a=1", "b=2"], ...HOP_BY_HOP };
    expect(responseHeaders(message(headers))).toEqual({
      "content-type": "text/plain",
      "set-cookie": ["a=1", "b=2"],
    });
  });
});
