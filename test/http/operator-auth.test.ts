import { describe, expect, it } from "vitest";
import { ConsoleSessions } from "../../src/http/console-session.js";
import type { RequestHead } from "../../src/http/exchange.js";
import { mayReadHealth, OperatorAuth, type RouteAccess } from "../../src/http/operator-auth.js";
import type { Reply } from "../../src/http/reply.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { CountedRequests, FakeLog } from "./harness.js";

const TOKEN = "correct-horse";
const HOST = "127.0.0.1:9090";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function listener(token: string | null = TOKEN, adminHost = "127.0.0.1") {
  const clock = new FakeClock();
  const metrics = new CountedRequests();
  const sessions = token === null ? null : new ConsoleSessions(token, clock);
  const log = new FakeLog();
  const config = { adminHost, adminToken: token };
  const auth = new OperatorAuth({ config, sessions, clock, metrics, log });
  const cookie = sessions?.issue(false).split(";")[0] ?? "";
  return { auth, clock, metrics, cookie, log };
}

const head = (headers: Readonly<Record<string, string>> = {}): RequestHead => ({
  method: "GET",
  path: "/api/calls",
  query: "",
  address: "10.0.0.9",
  header: (name) => ({ host: HOST, ...headers })[name] ?? "",
});

/** The status of the refusal; null: the request may go on. A refusal that waits is not awaited. */
function status(
  { auth }: ReturnType<typeof listener>,
  access: RouteAccess,
  headers: Readonly<Record<string, string>> = {},
): number | "waits" | null {
  const refusal: Reply | Promise<Reply> | null = auth.refusal(head(headers), access);
  if (refusal === null) return null;
  return refusal instanceof Promise ? "waits" : refusal.status;
}

describe("a guarded route", () => {
  it("wants the token, or the console's cookie", () => {
    const one = listener();
    expect(status(one, "guarded")).toBe(401);
    expect(status(one, "guarded", bearer(TOKEN))).toBeNull();
    expect(status(one, "guarded", { cookie: one.cookie })).toBeNull();
    expect(status(one, "guarded", { cookie: `${one.cookie}x` })).toBe(401);
    expect(one.metrics.failures).toEqual(["api/missing", "api/invalid"]);
  });

  it("lets the answer to a wrong token wait, and logs neither that one nor the right one", () => {
    const one = listener();
    expect(status(one, "guarded", bearer("guessed"))).toBe("waits");
    expect(one.metrics.failures).toEqual(["api/invalid"]);
    expect(JSON.stringify(one.log.lines)).not.toMatch(/guessed|correct-horse/);
  });

  it("compares no more tokens of an address that guesses", () => {
    const one = listener();
    for (let i = 0; i < 30; i++) status(one, "guarded", bearer(`guess-${i}`));
    expect(status(one, "guarded", bearer(TOKEN))).toBe(429);
    expect(status(one, "guarded", { cookie: one.cookie })).toBeNull();
  });

  it.each(["cross-site", "same-site"])("is not opened by the cookie from a %s page", (site) => {
    const one = listener();
    expect(status(one, "guarded", { cookie: one.cookie, "sec-fetch-site": site })).toBe(401);
  });

  it.each([
    [`http://${HOST}`, null],
    ["https://evil.example", 403],
    ["null", 403],
    ["not a url", 403],
  ])("asked by a page of %s with the token: %s", (origin, expected) => {
    expect(status(listener(), "guarded", { origin, ...bearer(TOKEN) })).toBe(expected);
  });

  it("lets only this machine in where there is no token", () => {
    const one = listener(null);
    expect(status(one, "guarded")).toBeNull();
    expect(status(one, "guarded", { host: "localhost:9090" })).toBeNull();
    expect(status(one, "guarded", { host: "rebound.example:9090" })).toBe(403);
  });

  it("may answer strangers in its own way", () => {
    const { auth } = listener();
    const signIn = () => ({ status: 303 }) as Reply;
    expect(auth.refusal(head(), "guarded", signIn)).toEqual({ status: 303 });
  });
});

describe("an open route", () => {
  it("wants a host that the listener is known by, the token or the cookie", () => {
    const one = listener();
    expect(status(one, "open")).toBeNull();
    const stranger = { host: "rebound.example" };
    expect(status(one, "open", stranger)).toBe(403);
    expect(status(one, "open", { ...stranger, ...bearer(TOKEN) })).toBeNull();
    expect(status(one, "open", { ...stranger, cookie: one.cookie })).toBeNull();
  });
});

describe("other routes", () => {
  it("for files ask for nothing, and same-site routes only where the page is from", () => {
    const one = listener();
    const foreign = { origin: "https://evil.example", host: "rebound.example" };
    expect(status(one, "public_files", foreign)).toBeNull();
    expect(status(one, "same_site", foreign)).toBe(403);
    expect(status(one, "same_site")).toBeNull();
  });
});

describe("signing in", () => {
  it("takes the token, and refuses another", async () => {
    const { auth, metrics } = listener();
    expect(await auth.signInRefusal(head(), TOKEN)).toBeNull();
    expect((await auth.signInRefusal(head(), "guessed"))?.status).toBe(401);
    expect(metrics.failures).toEqual(["api/invalid"]);
  });

  it("is refused at once to an address that guesses, right token or not", async () => {
    const { auth } = listener();
    for (let i = 0; i < 30; i++) void auth.signInRefusal(head(), `guess ${i}`);
    expect((await auth.signInRefusal(head(), TOKEN))?.status).toBe(429);
  });
});

describe("mayReadHealth", () => {
  const config = { adminHost: "127.0.0.1", adminToken: TOKEN };
  it.each([
    [HOST, "", true],
    ["relay.example", "", false],
    ["relay.example", `Bearer ${TOKEN}`, true],
    ["relay.example", `bearer   ${TOKEN}`, true],
    ["relay.example", `Basic ${TOKEN}`, false],
    ["relay.example", "Bearer other", false],
  ])("asked as %s with %j: %s", (host, authorization, isAllowed) => {
    expect(mayReadHealth(config, host, authorization)).toBe(isAllowed);
  });
});
