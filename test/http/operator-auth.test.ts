import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ConsoleSessions } from "../../src/http/console-session.js";
import type { RequestHead } from "../../src/http/exchange.js";
import {
  type Admitted,
  mayReadHealth,
  OperatorAuth,
  type RouteAccess,
} from "../../src/http/operator-auth.js";
import { type NamedOperator, OperatorDirectory } from "../../src/http/operator-directory.js";
import type { Reply } from "../../src/http/reply.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { CountedRequests, FakeLog } from "./harness.js";

const TOKEN = "correct-horse";
const HOST = "127.0.0.1:9090";
const VIEWER_TOKEN = "viewer-token";
const VIEWER: NamedOperator = {
  name: "vera",
  role: "viewer",
  tokenSha256: createHash("sha256").update(VIEWER_TOKEN).digest("hex"),
};
const SUPERVISOR: NamedOperator = { ...VIEWER, role: "supervisor" };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function listener(token: string | null = TOKEN) {
  const clock = new FakeClock();
  const metrics = new CountedRequests();
  const log = new FakeLog();
  const directory = new OperatorDirectory(token, token === null ? [] : [VIEWER]);
  const ended = new Set<string>();
  const state = {
    getState: async (key: string) => (ended.has(key) ? { value: "", version: 1 } : null),
    putState: async (key: string) => ended.add(key) !== undefined,
  };
  const sessions = directory.isOpen
    ? null
    : new ConsoleSessions({ secret: "a secret", directory, state, clock, log });
  const config = { adminHost: "127.0.0.1" };
  const auth = new OperatorAuth({ config, directory, sessions, clock, metrics, log });
  const admin = directory.withToken(token ?? "");
  const cookie = admin === null ? "" : (sessions?.issue(admin, false).split(";")[0] ?? "");
  return { auth, clock, directory, metrics, cookie, log, sessions };
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
  const admission = auth.admit(head(headers), access);
  if (!("refused" in admission)) return null;
  return admission.refused instanceof Promise ? "waits" : admission.refused.status;
}

function admitted(
  auth: OperatorAuth,
  headers: Readonly<Record<string, string>>,
  access: RouteAccess = "viewer",
): Admitted {
  const admission = auth.admit(head(headers), access);
  if ("refused" in admission) throw new Error("refused");
  return admission;
}

describe("a route that wants a role", () => {
  it("wants the token, or the console's cookie", () => {
    const one = listener();
    expect(status(one, "viewer")).toBe(401);
    expect(status(one, "viewer", bearer(TOKEN))).toBeNull();
    expect(status(one, "viewer", { cookie: one.cookie })).toBeNull();
    expect(status(one, "viewer", { cookie: `${one.cookie}x` })).toBe(401);
    expect(one.metrics.failures).toEqual(["api/missing", "api/invalid"]);
  });

  it("lets the answer to a wrong token wait, and logs neither that one nor the right one", () => {
    const one = listener();
    expect(status(one, "viewer", bearer("guessed"))).toBe("waits");
    expect(one.metrics.failures).toEqual(["api/invalid"]);
    expect(JSON.stringify(one.log.lines)).not.toMatch(/guessed|correct-horse/);
  });

  it("compares no more tokens of an address that guesses", () => {
    const one = listener();
    for (let i = 0; i < 30; i++) status(one, "viewer", bearer(`guess-${i}`));
    expect(status(one, "viewer", bearer(TOKEN))).toBe(429);
    expect(status(one, "viewer", { cookie: one.cookie })).toBeNull();
  });

  it.each(["cross-site", "same-site"])("is not opened by the cookie from a %s page", (site) => {
    const one = listener();
    expect(status(one, "viewer", { cookie: one.cookie, "sec-fetch-site": site })).toBe(401);
  });

  it.each([
    [`http://${HOST}`, null],
    ["https://evil.example", 403],
    ["null", 403],
    ["not a url", 403],
  ])("asked by a page of %s with the token: %s", (origin, expected) => {
    expect(status(listener(), "viewer", { origin, ...bearer(TOKEN) })).toBe(expected);
  });

  it("lets only this machine in where there is no token", () => {
    const one = listener(null);
    expect(status(one, "viewer")).toBeNull();
    expect(status(one, "viewer", { host: "localhost:9090" })).toBeNull();
    expect(status(one, "viewer", { host: "rebound.example:9090" })).toBe(403);
  });

  it("may answer strangers in its own way", () => {
    const { auth } = listener();
    const signIn = () => ({ status: 303 }) as Reply;
    expect(auth.admit(head(), "viewer", signIn)).toEqual({ refused: { status: 303 } });
  });

  it.each([
    ["viewer", null],
    ["supervisor", 403],
    ["admin", 403],
  ] as const)("lets a viewer through where the role is %s: %s", (access, expected) => {
    expect(status(listener(), access, bearer(VIEWER_TOKEN))).toBe(expected);
    expect(status(listener(), access, bearer(TOKEN))).toBeNull();
  });

  it("finds out that a session was signed out of", async () => {
    const { auth, cookie, sessions } = listener();
    const admission = auth.admit(head({ cookie }), "viewer");
    if ("refused" in admission || admission.session === null) throw new Error("refused");
    expect(await auth.hasEnded(admission)).toBe(false);
    await sessions?.end(admission.session);
    expect(await auth.hasEnded(admission)).toBe(true);
  });

  it("finds out that the time of a session is up, and not of a token", async () => {
    const { auth, clock, cookie } = listener();
    const [session, token] = [admitted(auth, { cookie }), admitted(auth, bearer(TOKEN))];
    clock.advance(12 * 3_600_000);
    expect([await auth.hasEnded(session), await auth.hasEnded(token)]).toEqual([true, false]);
  });

  it.each([
    ["is the same", [SUPERVISOR], false],
    ["has more rights", [{ ...SUPERVISOR, role: "admin" }], false],
    ["has fewer rights", [{ ...SUPERVISOR, role: "viewer" }], true],
    ["has another token", [{ ...SUPERVISOR, tokenSha256: "0".repeat(64) }], true],
    ["is gone", [], true],
    ["is gone and another has the token", [{ ...SUPERVISOR, name: "olga" }], true],
  ] as const)("finds out that after a reload the operator %s", async (_, named, expected) => {
    const { auth, directory, sessions } = listener();
    directory.replace([SUPERVISOR]);
    const cookie = sessions?.issue(SUPERVISOR, false).split(";")[0] ?? "";
    const token = bearer(VIEWER_TOKEN);
    for (const one of [admitted(auth, token), admitted(auth, { cookie })]) {
      directory.replace([SUPERVISOR]);
      expect(await auth.hasEnded(one)).toBe(false);
      directory.replace(named);
      expect(await auth.hasEnded(one)).toBe(expected);
      directory.replace([SUPERVISOR]);
    }
  });

  it("finds out that a token is wanted where there was none", async () => {
    const { auth, directory } = listener(null);
    const [one, open] = [admitted(auth, {}), admitted(auth, {}, "open")];
    expect(await auth.hasEnded(one)).toBe(false);
    directory.replace([VIEWER]);
    expect([await auth.hasEnded(one), await auth.hasEnded(open)]).toEqual([true, false]);
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
  const answer = async (auth: OperatorAuth, token: string) => {
    const result = await auth.signIn(head(), token);
    return "status" in result ? result.status : result.name;
  };

  it("tells whose token it is, and refuses another", async () => {
    const { auth, metrics } = listener();
    expect(await answer(auth, VIEWER_TOKEN)).toBe("vera");
    expect(await answer(auth, "guessed")).toBe(401);
    expect(metrics.failures).toEqual(["api/invalid"]);
  });

  it("is refused at once to an address that guesses, right token or not", async () => {
    const { auth } = listener();
    for (let i = 0; i < 30; i++) void auth.signIn(head(), `guess-${i}`);
    expect(await answer(auth, TOKEN)).toBe(429);
  });
});

describe("mayReadHealth", () => {
  const directory = new OperatorDirectory(TOKEN, []);
  it.each([
    [HOST, "", true],
    ["relay.example", "", false],
    ["relay.example", `Bearer ${TOKEN}`, true],
    ["relay.example", `bearer   ${TOKEN}`, true],
    ["relay.example", `Basic ${TOKEN}`, false],
    ["relay.example", "Bearer other", false],
  ])("asked as %s with %j: %s", (host, authorization, isAllowed) => {
    expect(mayReadHealth("127.0.0.1", directory, host, authorization)).toBe(isAllowed);
  });
});
