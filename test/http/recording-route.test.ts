import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { HttpServer } from "../../src/http/listener.js";
import { recordingRoutes } from "../../src/http/recording-route.js";
import { emptyRecord } from "../../src/records/record.js";
import { send, startOperator } from "./harness.js";

const SOUND = Buffer.from("0123456789abcdefghij");
const LONG = Buffer.alloc(31, "x");
const TOKEN = "a-token";

describe("GET /api/calls/:callSid/recording", () => {
  let server: HttpServer;
  let port: number;
  beforeEach(async () => {
    const record = (sid: CallSid, file: string | null) => ({
      ...emptyRecord(sid),
      state: sid === "CA2" ? ("live" as const) : ("ended" as const),
      startedAt: "1970-01-01T00:00:00.000Z",
      recording: { sid: "RE1", file, transcript: null, words: null },
    });
    ({ server, port } = await startOperator({
      token: TOKEN,
      routes: () => [
        ...recordingRoutes({
          find: async (sid) =>
            sid === "CA1"
              ? record(sid, "RE1.wav")
              : sid === "CA2"
                ? record(sid, null)
                : sid === "CA3"
                  ? record(sid, "RE3.wav")
                  : sid === "CA5"
                    ? record(sid, "RE5.wav")
                    : null,
          read: async (file, from, max) => {
            const sound = file === "RE1.wav" ? SOUND : file === "RE5.wav" ? LONG : null;
            return sound === null
              ? null
              : {
                  bytes: sound.subarray(from, Math.min(sound.length, from + max)),
                  sizeBytes: sound.length,
                };
          },
          rebuilt: async (sid, startedMs, from, max) => {
            if (sid === "CA5") throw new RelayError("limit_exceeded", "busy", { retryable: true });
            return sid === "CA1"
              ? {
                  bytes: Buffer.from(`rebuilt from ${startedMs}`).subarray(from, from + max),
                  sizeBytes: 14,
                }
              : null;
          },
          maxPartBytes: 8,
        }),
      ],
    }));
  });
  afterEach(() => server.close());

  const ask = (sid: string, headers: Record<string, string> = {}) =>
    send(port, "GET", `/api/calls/${sid}/recording`, {
      authorization: `Bearer ${TOKEN}`,
      ...headers,
    });

  it.each([
    ["bytes=0-", "01234567", "bytes 0-7/20"],
    ["bytes=8-", "89abcdef", "bytes 8-15/20"],
    ["bytes=16-", "ghij", "bytes 16-19/20"],
    ["bytes=3-5", "345", "bytes 3-5/20"],
    ["bytes=18-40", "ij", "bytes 18-19/20"],
  ])("gives the part %s", async (range, body, told) => {
    const answer = await ask("CA1", { range });
    expect([answer.status, answer.body, answer.headers["content-range"]]).toEqual([
      206,
      body,
      told,
    ]);
    expect(answer.headers["content-type"]).toBe("audio/wav");
  });

  it("is sent whole when no part is asked for, or one that cannot be understood", async () => {
    for (const range of ["", "bytes=-5", "bytes=0-1,4-5", "lines=1-"]) {
      const answer = await ask("CA1", range === "" ? {} : { range });
      expect([answer.status, answer.body]).toEqual([200, SOUND.toString()]);
    }
  });

  it("is sent part by part when it is long", async () => {
    const whole = await ask("CA5");
    expect([whole.status, whole.body]).toEqual([200, LONG.toString()]);
    expect((await ask("CA5", { range: "bytes=24-" })).body).toBe("xxxxxxx");
  });

  it("is rebuilt from the flight recording, once the call is over", async () => {
    const get = async (sid: string) =>
      await send(port, "GET", `/api/calls/${sid}/audio`, { authorization: `Bearer ${TOKEN}` });
    expect((await get("CA1")).body).toBe("rebuilt from 0");
    expect((await get("CA3")).status).toBe(404);
    expect((await get("CA2")).status).toBe(404);
    const busy = await get("CA5");
    expect([busy.status, busy.headers["retry-after"]]).toEqual([503, "5"]);
    expect(JSON.parse(busy.body)).toEqual({ error: "limit_exceeded", message: "busy" });
  });

  it.each(["bytes=20-", "bytes=5-2"])("refuses the part %s, which there is not", async (range) => {
    const answer = await ask("CA1", { range });
    expect([answer.status, answer.headers["content-range"]]).toEqual([416, "bytes */20"]);
  });

  it("is refused for calls without a recording, files elsewhere, unknown calls and missing tokens", async () => {
    for (const sid of ["CA2", "CA3", "CA4", "x"]) expect((await ask(sid)).status).toBe(404);
    expect((await ask("CA1", { authorization: "" })).status).toBe(401);
  });
});
