import { describe, expect, it } from "vitest";
import { createLog, redact } from "../../../src/adapters/system/pino-log.js";
import { RelayError } from "../../../src/domain/errors.js";

function capture(level = "debug", pretty = false) {
  const lines: string[] = [];
  const log = createLog({
    level,
    pretty,
    destination: { write: (line: string) => void lines.push(line) },
  });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? "{}") };
}

describe("log", () => {
  it("writes one JSON line with time, level, text and fields", () => {
    const { log, lines, last } = capture();
    log
      .child({ callSid: "CA1", node: "n1" })
      .info("call started", { agent: "support", n: 1, ok: true, none: null });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
    expect(last()).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      callSid: "CA1",
      node: "n1",
      agent: "support",
      n: 1,
      ok: true,
      none: null,
      msg: "call started",
    });
  });

  it("leaves out what is below its level", () => {
    const { log, lines } = capture("warn");
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["warn", "error"]);
  });

  it("tells an error with its code and its causes, and nothing else of it", () => {
    const { log, last } = capture();
    const cause = Object.assign(new Error("connect ECONNREFUSED"), {
      code: "ECONNREFUSED",
      config: { headers: { Authorization: "Basic c2VjcmV0" } },
    });
    log.error(
      "redial failed",
      {},
      new RelayError("upstream_unreachable", "no route", { retryable: true, cause }),
    );
    expect(last().error).toMatchObject({
      name: "RelayError",
      message: "no route",
      code: "upstream_unreachable",
      retryable: true,
      cause: { code: "ECONNREFUSED", message: "connect ECONNREFUSED" },
    });
    expect(JSON.stringify(last())).not.toContain("c2VjcmV0");
  });

  it("survives errors that are none, and causes that go round", () => {
    const { log, last } = capture();
    log.warn("thrown", {}, "just text for +15551112222");
    expect(last().error).toEqual({ message: "just text for +•••22" });
    const round = new Error("a");
    round.cause = round;
    log.warn("thrown", {}, round);
    expect(last().error.message).toBe("a");
  });

  it.each([
    ["a message", "dialled +1 (555) 111-2222 now", {}],
    ["a field", "dialled", { to: "+15551112222" }],
    ["a URL", "asked", { path: "/calls?To=%2B15551112222" }],
    ["a SIP address", "asked", { uri: "sip:+15551112222@pbx.example.com" }],
  ])("masks a phone number in %s", (_name, text, fields) => {
    const { log, lines } = capture();
    log.info(text, fields);
    expect(lines[0]).not.toMatch(/555.?1?1?1/);
    expect(lines[0]).toMatch(/•22/);
  });

  it.each([
    ["an OpenAI key", "sk-proj-abcDEF123456789", "sk-proj"],
    ["a webhook secret", "whsec_abcdef0123456789", "whsec_"],
    ["a bearer token", "Authorization: Bearer abc.def-123", "abc.def"],
    ["basic credentials", "Basic QUMxMjM6c2VjcmV0", "QUMx"],
    ["a password in a URL", "postgres://relay:hunter2@db.example/calls", "hunter2"],
  ])("masks %s", (_name, text, secret) => {
    const { log, lines } = capture();
    log.error(`failed: ${text}`, { note: text }, new Error(text));
    expect(lines[0]).not.toContain(secret);
    expect(lines[0]).toContain("[key]");
  });

  it.each([
    "token",
    "authToken",
    "apiSecret",
    "password",
    "authorization",
    "api_key",
    "x-twilio-signature",
  ])("never writes a field named %s", (name) => {
    const { log, lines } = capture();
    log.child({ [name]: "hush" }).info("a", { [name]: "hush" });
    expect(lines[0]).not.toContain("hush");
  });

  it.each([
    "CA00000000000000000000000000000015",
    "2026-11-21T07:00:00Z",
    "frames 12345678901",
    "127.0.0.1:18080",
  ])("leaves %s as it is", (text) => expect(redact(text)).toBe(text));

  it("writes a line for people when asked", () => {
    const { log, lines } = capture("debug", true);
    log.warn("redial", { callSid: "CA1", n: 2 }, new Error("boom"));
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}redial callSid=CA1 n=2\n$/);
    expect(lines[1]).toMatch(/^ {4}Error: boom\n/);
  });

  it.each([
    ["a line break", "gone\n12:00:00.000 error relay: down"],
    ["a carriage return", "gone\r12:00:00.000 error relay: down"],
    ["an ANSI escape", "\u001b[2K\u001b[1A\u001b[31mfake"],
    ["a C1 escape", "\u009b2Jfake"],
    ["an OSC title", "\u001b]0;owned\u0007"],
    ["a line separator", "gone\u2028fake"],
    ["reversed text", "gone \u202eekaf\u2066"],
    ["a backspace", "gone\b\b\b\bfake"],
  ])("lets %s of a stranger do nothing to a terminal", (_name, text) => {
    const { log, lines } = capture("debug", true);
    const error = new Error(text, { cause: new Error(text) });
    log.child({ [`from${text}`]: text }).warn(text, { header: text }, error);
    const written = lines.join("");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(written).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066]/);
    expect(written.split("\n").filter((line) => /^\d\d:/.test(line))).toHaveLength(1);
  });

  it("puts a value that could pass for several fields into quotes", () => {
    const { log, lines } = capture("debug", true);
    log.info("call: ended", { reason: "hung up code=ok", quoted: 'a"b' });
    expect(lines[0]).toContain(' reason="hung up code=ok" quoted="a\\"b"');
  });
});
