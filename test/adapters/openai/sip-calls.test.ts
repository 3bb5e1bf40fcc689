import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createOpenAiCalls } from "../../../src/adapters/openai/sip-calls.js";
import type { ErrorCode } from "../../../src/domain/errors.js";
import type { SipControl } from "../../../src/ports/model-rest.js";

let server: Server;
let calls: SipControl;
let asked: { line: string; auth: string; type: string; body: string }[];
let status = 200;
let answer = "a caller's number, perhaps";

beforeEach(async () => {
  asked = [];
  status = 200;
  answer = "a caller's number, perhaps";
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { authorization = "", "content-type": type = "" } = request.headers;
    asked.push({ line: `${request.method} ${request.url}`, auth: authorization, type, body });
    if (status === 0) request.socket.destroy();
    else response.writeHead(status).end(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  calls = createOpenAiCalls({ baseUrl: `http://127.0.0.1:${port}/v1`, apiKey: "sk-secret" });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const failure = (promise: Promise<void>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

describe("calls at the model", () => {
  it("are accepted, rejected, referred and hung up as OpenAI wants it", async () => {
    await calls.accept("rtc_1", { type: "realtime", model: "m" });
    await calls.reject("rtc_1", 486);
    await calls.refer("rtc_1", "tel:+15551112222");
    await calls.hangUp("rtc_1");
    expect(asked.map(({ line, body }) => [line, body])).toEqual([
      ["POST /v1/realtime/calls/rtc_1/accept", '{"type":"realtime","model":"m"}'],
      ["POST /v1/realtime/calls/rtc_1/reject", '{"status_code":486}'],
      ["POST /v1/realtime/calls/rtc_1/refer", '{"target_uri":"tel:+15551112222"}'],
      ["POST /v1/realtime/calls/rtc_1/hangup", ""],
    ]);
    expect(new Set(asked.map(({ auth }) => auth))).toEqual(new Set(["Bearer sk-secret"]));
    expect(asked.slice(0, 3).every(({ type }) => type === "application/json")).toBe(true);
  });

  it("keep an id from becoming a path", async () => {
    await calls.hangUp("../../models");
    expect(asked[0]?.line).toBe("POST /v1/realtime/calls/..%2F..%2Fmodels/hangup");
  });

  it.each<[number, ErrorCode, boolean]>([
    [404, "caller_gone", false],
    [401, "upstream_account", false],
    [403, "upstream_account", false],
    [400, "upstream_rejected", false],
    [302, "upstream_unreachable", true],
    [429, "upstream_refused", true],
    [500, "upstream_refused", true],
    [503, "upstream_refused", true],
    [0, "upstream_unreachable", true],
  ])("fail with a code: %i is %s", async (answered, code, retryable) => {
    status = answered;
    const error = await failure(calls.hangUp("rtc_1"));
    expect(error).toMatchObject({ name: "RelayError", code, retryable });
    expect(String(error)).not.toMatch(/secret|number/);
  });

  it("that are refused tell the parameter, and keep the words out of the message", async () => {
    status = 400;
    const param = "audio.input.transcription.model";
    answer = JSON.stringify({ error: { type: "x", code: "y", message: "my secret", param } });
    const error = await failure(calls.accept("rtc_1", {}));
    expect(error).toMatchObject({ code: "upstream_rejected", param, said: "my secret" });
    expect(String(error)).not.toContain("secret");
    answer = JSON.stringify({ error: "no object" });
    expect(await failure(calls.accept("rtc_1", {}))).not.toHaveProperty("param");
  });
});
