import { createHash, createHmac } from "node:crypto";
import { readdirSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { agentsRoute } from "../../src/http/agents-route.js";
import { readConsoleFiles } from "../../src/http/console-files.js";
import { consoleRoutes } from "../../src/http/console-route.js";
import { SESSION_MS } from "../../src/http/console-session.js";
import type { HttpServer } from "../../src/http/listener.js";
import type { NamedOperator } from "../../src/http/operator-directory.js";
import { memoryState } from "../../src/records/memory-state.js";
import { agent } from "../fakes/call-bench.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { send, startOperator } from "./harness.js";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const TOKEN = "correct-horse";
const JSON_TYPE = { "content-type": "application/json" };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

describe("the console's routes", () => {
  const servers: HttpServer[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function start(
    options: {
      token?: string | null;
      phone?: boolean;
      clock?: FakeClock;
      state?: ReturnType<typeof memoryState>;
      operators?: readonly NamedOperator[];
    } = {},
  ) {
    const { token = TOKEN, phone = false, clock = new FakeClock(), state, operators } = options;
    const agents = new Map([["support", agent({ instructions: "Secret instructions." })]]);
    const side = await startOperator({
      token,
      clock,
      ...(state === undefined ? {} : { state }),
      ...(operators === undefined ? {} : { operators }),
      routes: ({ auth, sessions, audit }) => [
        ...consoleRoutes({ auth, sessions, audit, phone }),
        agentsRoute({ agents }, "1.2.3"),
      ],
    });
    servers.push(side.server);
    return { ...side, clock };
  }

  async function signIn(port: number, headers: Record<string, string> = {}): Promise<string> {
    const answer = await send(
      port,
      "POST",
      "/console/session",
      { ...JSON_TYPE, ...headers },
      `{"token":"${TOKEN}"}`,
    );
    expect(answer.status).toBe(204);
    return String(answer.headers["set-cookie"]);
  }
  const nameAndValue = (cookie: string) => cookie.split(";")[0]!;

  it("answers a request that is not signed in with 401, a page to sign in, and no data", async () => {
    const { port, metrics } = await start();
    const answer = await send(port, "GET", "/console");
    expect(answer.status).toBe(401);
    expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(answer.body).toContain('id="signin"');
    expect(answer.body).not.toContain("main.js");
    expect(metrics.failures).toEqual(["api/missing"]);
  });

  it("gives every answer the strict headers, and lets no page of another origin in", async () => {
    const { port } = await start();
    const cookie = nameAndValue(await signIn(port));
    const paths = ["/console", "/console/main.js", "/console/session", "/console/nothing.js"];
    const answers = await Promise.all([
      ...paths.map((path) => send(port, "GET", path, { cookie })),
      send(port, "GET", "/console"),
      send(port, "POST", "/console/session", JSON_TYPE, '{"token":"wrong"}'),
      send(port, "DELETE", "/console/session"),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 404, 401, 401, 204]);
    for (const { headers } of answers) {
      expect(headers["content-security-policy"]).toBe(POLICY);
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["referrer-policy"]).toBe("no-referrer");
      expect(headers["permissions-policy"]).toContain("microphone=(self)");
    }
  });

  it("lets a phone on this machine through only where there is one", async () => {
    const { port } = await start({ token: null, phone: true });
    const { headers } = await send(port, "GET", "/console");
    expect(headers["content-security-policy"]).toBe(
      POLICY.replace("connect-src 'self'", "connect-src 'self' ws://127.0.0.1:*"),
    );
    expect(headers["permissions-policy"]).toContain("microphone=(self)");
  });

  it("wants no sign-in without a token, and answers this machine's names only", async () => {
    const { port, metrics } = await start({ token: null });
    expect((await send(port, "GET", "/console")).status).toBe(200);
    expect((await send(port, "GET", "/console", { host: "rebound.example" })).status).toBe(403);
    const session = await send(port, "POST", "/console/session", JSON_TYPE, "{}");
    expect([session.status, session.headers["set-cookie"]]).toEqual([204, undefined]);
    expect(metrics.failures).toEqual([]);
  });

  describe("the session", () => {
    it("is a cookie that scripts do not see, other sites do not bring along, and plain http keeps", async () => {
      const { port } = await start();
      const cookie = await signIn(port);
      expect(cookie).toMatch(
        /^murelay_session=\d+\.[\w-]{22}\.YWRtaW4\.[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/,
      );
      expect(cookie).not.toContain(TOKEN);
    });

    it("is marked Secure for a page that came by https", async () => {
      const { port } = await start();
      const host = "ops.example";
      expect(await signIn(port, { host, origin: "https://ops.example" })).toMatch(/; Secure$/);
    });

    it("opens the console and the API, on every process that has the same token, until its time is up", async () => {
      const clock = new FakeClock();
      const { port, metrics } = await start({ clock });
      const other = await start({ clock });
      const cookie = nameAndValue(await signIn(port));
      const ask = async (at: number) => [
        (await send(at, "GET", "/console", { cookie: `a=b; ${cookie}` })).status,
        (await send(at, "GET", "/api/agents", { cookie })).status,
        (await send(at, "POST", "/api/calls/CA1/end", { cookie })).status,
      ];
      expect(await ask(port)).toEqual([200, 200, 202]);
      expect(await ask(other.port)).toEqual([200, 200, 202]);
      clock.advance(SESSION_MS - 1_000);
      expect(await ask(other.port)).toEqual([200, 200, 202]);
      clock.advance(1_000);
      expect(await ask(port)).toEqual([401, 401, 401]);
      expect(metrics.failures).toEqual(["api/invalid", "api/invalid", "api/invalid"]);
    });

    it("dies with the token that it came from", async () => {
      const cookie = nameAndValue(await signIn((await start()).port));
      const { port } = await start({ token: "another-token" });
      expect((await send(port, "GET", "/api/agents", { cookie })).status).toBe(401);
    });

    const until = String(Date.UTC(2026, 10, 21) / 1000 + 3_600);
    it.each([
      ["a later end", (value: string) => value.replace(/^\d+/, (s) => String(Number(s) + 60))],
      ["another signature", (value: string) => value.replace(/.{3}$/, "AAA")],
      ["no signature", (value: string) => value.replace(/\.[^.]*$/, ".")],
      ["another operator's name", (value: string) => value.replace("YWRtaW4", "YWRh")],
      ["the token itself", () => TOKEN],
      [
        "the token as the key",
        () => `${until}.${createHmac("sha256", TOKEN).update(until).digest("base64url")}`,
      ],
      ["nothing", () => ""],
      ["an end that is no number", (value: string) => value.replace(/^\d+/, "1e99")],
    ])("is refused and counted with %s", async (_what, spoil) => {
      const { port, metrics, calls } = await start();
      const [name, value = ""] = nameAndValue(await signIn(port)).split("=");
      const cookie = `${name}=${spoil(value)}`;
      expect((await send(port, "POST", "/api/calls/CA1/end", { cookie })).status).toBe(401);
      expect(metrics.failures).toEqual(["api/invalid"]);
      expect(calls.ended).toEqual([]);
    });

    it("is not opened by a wrong token, which is counted and not logged", async () => {
      const { port, metrics, log } = await start();
      const answer = await send(
        port,
        "POST",
        "/console/session",
        JSON_TYPE,
        '{"token":"wrong-horse"}',
      );
      expect([answer.status, answer.headers["set-cookie"]]).toEqual([401, undefined]);
      expect(metrics.failures).toEqual(["api/invalid"]);
      expect(JSON.stringify(log.lines)).not.toContain("wrong-horse");
    });

    it.each([
      ["no token", JSON_TYPE, "{}", 400],
      ["a token that is no text", JSON_TYPE, '{"token":1}', 400],
      ["no body", JSON_TYPE, "", 400],
      ["bad JSON", JSON_TYPE, "{", 400],
      ["a form", { "content-type": "application/x-www-form-urlencoded" }, `token=${TOKEN}`, 415],
      ["plain text", { "content-type": "text/plain" }, `{"token":"${TOKEN}"}`, 415],
      [
        "another origin",
        { ...JSON_TYPE, origin: "https://evil.example" },
        `{"token":"${TOKEN}"}`,
        403,
      ],
      ["no origin at all", { ...JSON_TYPE, origin: "null" }, `{"token":"${TOKEN}"}`, 403],
    ])("is not opened with %s", async (_what, headers, body, status) => {
      const { port } = await start();
      const answer = await send(port, "POST", "/console/session", headers, body);
      expect([answer.status, answer.headers["set-cookie"]]).toEqual([status, undefined]);
    });

    it("ends in this browser with DELETE, which no other site's page can ask for", async () => {
      const { port } = await start();
      const refused = await send(port, "DELETE", "/console/session", {
        origin: "https://evil.example",
      });
      expect([refused.status, refused.headers["set-cookie"]]).toEqual([403, undefined]);
      const ended = await send(port, "DELETE", "/console/session");
      expect(String(ended.headers["set-cookie"])).toMatch(/^murelay_session=; .*Max-Age=0/);
    });

    it("is reported as signed in only to the browser that holds it", async () => {
      const { port } = await start();
      const cookie = nameAndValue(await signIn(port));
      const ask = async (headers: Record<string, string>) =>
        (await send(port, "GET", "/console/session", headers)).body;
      const operator = { name: "admin", role: "admin" };
      expect(JSON.parse(await ask({ cookie }))).toEqual({ signedIn: true, operator });
      expect(JSON.parse(await ask({}))).toEqual({ signedIn: false, operator: null });
    });

    it("ends on every process when its operator signs out, and only that session", async () => {
      const clock = new FakeClock();
      const state = memoryState(() => clock.epochMs());
      const one = await start({ clock, state });
      const two = await start({ clock, state });
      const cookie = nameAndValue(await signIn(one.port));
      const other = nameAndValue(await signIn(one.port));
      const ask = async (port: number, given: string) =>
        (await send(port, "GET", "/api/agents", { cookie: given })).status;
      expect(await ask(two.port, cookie)).toBe(200);
      const ended = await send(one.port, "DELETE", "/console/session", { cookie });
      expect(ended.status).toBe(204);
      // The other process has looked a moment ago, and looks again within a second.
      clock.advance(1_000);
      expect([await ask(one.port, cookie), await ask(two.port, cookie)]).toEqual([401, 401]);
      expect([await ask(one.port, other), await ask(two.port, other)]).toEqual([200, 200]);
      const entries = await one.audit.find({}, null, 10);
      expect(entries.map(({ action, operator }) => [action, operator]).sort()).toEqual([
        ["sign_in", "admin"],
        ["sign_in", "admin"],
        ["sign_out", "admin"],
      ]);
    });

    it("belongs to the operator whose token opened it, with their role", async () => {
      const operators: NamedOperator[] = [
        { name: "vera", role: "viewer", tokenSha256: sha256("vera's token") },
      ];
      const { port } = await start({ token: null, operators });
      const body = '{"token":"vera\'s token"}';
      const opened = await send(port, "POST", "/console/session", JSON_TYPE, body);
      const cookie = nameAndValue(String(opened.headers["set-cookie"]));
      const session = await send(port, "GET", "/console/session", { cookie });
      expect(JSON.parse(session.body).operator).toEqual({ name: "vera", role: "viewer" });
      expect((await send(port, "GET", "/api/agents", { cookie })).status).toBe(200);
      expect((await send(port, "POST", "/api/calls/CA1/end", { cookie })).status).toBe(403);
    });

    it.each([
      ["a page of another site", { origin: "https://evil.example" }, 403],
      ["a page of another port of this machine", { origin: "http://127.0.0.1:1" }, 403],
      ["a picture on a page of another port", { "sec-fetch-site": "same-site" }, 401],
      ["a frame of another site", { "sec-fetch-site": "cross-site" }, 401],
    ])("is of no use to %s", async (_who, headers, status) => {
      const { port, calls } = await start();
      const cookie = nameAndValue(await signIn(port));
      const given = { ...JSON_TYPE, ...headers, cookie } as Record<string, string>;
      expect((await send(port, "POST", "/api/calls/CA1/end", given)).status).toBe(status);
      expect((await send(port, "GET", "/api/agents", given)).status).toBe(status);
      expect(calls.ended).toEqual([]);
    });

    it("wants JSON for what it opens, as a token does", async () => {
      const { port, calls } = await start();
      const cookie = nameAndValue(await signIn(port));
      const answer = await send(
        port,
        "POST",
        "/api/calls/CA1/transfer",
        { cookie, "content-type": "text/plain" },
        '{"destination":"desk"}',
      );
      expect(answer.status).toBe(415);
      expect(calls.transfers).toEqual([]);
    });
  });

  describe("the files", () => {
    const TYPES: Readonly<Record<string, string>> = {
      css: "text/css; charset=utf-8",
      svg: "image/svg+xml",
      js: "text/javascript; charset=utf-8",
      mjs: "text/javascript; charset=utf-8",
    };

    it("are all served, with their types, whether one has signed in or not", async () => {
      const { port } = await start();
      const { open } = readConsoleFiles();
      expect(open.size).toBeGreaterThan(20);
      for (const [name, { body }] of open) {
        const answer = await send(port, "GET", `/console/${name}`);
        expect([name, answer.status]).toEqual([name, 200]);
        expect(answer.headers["content-type"]).toBe(TYPES[name.split(".").at(-1)!]);
        expect(answer.headers["cache-control"]).toBe("no-cache");
        expect(Buffer.from(answer.body)).toEqual(Buffer.from(body));
      }
    });

    it("are those of the folder: none is forgotten", () => {
      const folder = new URL("../../console/", import.meta.url);
      const there = readdirSync(folder).filter((name) => /\.(?:js|css|svg)$/.test(name));
      const served = [...readConsoleFiles().open.keys()].filter(
        (name) => !name.startsWith("vendor/"),
      );
      expect(served.sort()).toEqual(there.sort());
    });

    it("are requested at once: the page names every module that its script imports, and no other", () => {
      const { index, open } = readConsoleFiles();
      const page = Buffer.from(index.body).toString();
      const named = [...page.matchAll(/rel="modulepreload" href="console\/([^"]+)"/g)].map(
        ([, name]) => name!,
      );
      expect(named).toContain("main.js");
      expect(named).toContain("view-inspect.js");
      expect(named).toContain("vendor/preact.mjs");
      // Those run in another place: on the audio thread, and on the sign-in page.
      expect(named.filter((name) => /worklet|signin/.test(name))).toEqual([]);
      const imported = named.flatMap((name) => {
        const text = Buffer.from(open.get(name)!.body)
          .toString()
          .replace(/\/\*.*?\*\//gs, "");
        const base = `http://x/${name}`;
        return [...text.matchAll(/ from "(\.[^"]+)"/g)].map(([, specifier]) =>
          new URL(specifier!, base).pathname.slice(1),
        );
      });
      expect(new Set(["main.js", ...imported])).toEqual(new Set(named));
    });

    it("are not sent again to a browser that has them", async () => {
      const { port } = await start();
      const first = await send(port, "GET", "/console/main.js");
      const etag = String(first.headers["etag"]);
      expect(etag).toMatch(/^"[\w-]{22}"$/);
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
        const again = await send(port, "GET", "/console/main.js", { "if-none-match": known });
        expect([again.status, again.body]).toEqual([304, ""]);
        expect(again.headers["etag"]).toBe(etag);
      }
      const other = await send(port, "GET", "/console/main.js", { "if-none-match": '"other"' });
      expect(other.status).toBe(200);
    });

    it("answer HEAD with all but the body", async () => {
      const { port } = await start({ token: null });
      for (const path of ["/console", "/console/style.css"]) {
        const [get, head] = [await send(port, "GET", path), await send(port, "HEAD", path)];
        expect([head.status, head.body]).toEqual([200, ""]);
        expect(head.headers["content-length"]).toBe(String(Buffer.byteLength(get.body)));
        expect(head.headers["etag"]).toBe(get.headers["etag"]);
      }
    });

    it.each([
      "/console/",
      "/console/index.html",
      "/console/signin.html",
      "/console/../package.json",
      "/console/%2e%2e/package.json",
      "/console/..%2fpackage.json",
      "/console//main.js",
      "/console/main.js/",
      "/console/MAIN.JS",
      "/console/main.js%00",
      "/console/vendor/../main.js",
      "/console/vendor/preact.d.mts",
      "/console/tsconfig.json",
      "/console/__proto__",
      "/console/constructor",
    ])("are no way to %s", async (path) => {
      const { port } = await start({ token: null });
      expect((await send(port, "GET", path)).status).toBe(404);
    });

    it.each([
      ["POST", "/console"],
      ["POST", "/console/main.js"],
      ["PUT", "/console/session"],
    ])("answer %s %s with 405", async (method, path) => {
      const { port } = await start({ token: null });
      expect((await send(port, method, path, JSON_TYPE)).status).toBe(405);
    });
  });

  it("tells of agents only what a supervisor needs", async () => {
    const { port } = await start();
    const answer = await send(port, "GET", "/api/agents", { authorization: `Bearer ${TOKEN}` });
    expect(JSON.parse(answer.body)).toEqual({
      version: "1.2.3",
      agents: [
        {
          name: "support",
          model: "gpt-realtime-2.1",
          language: "en",
          tools: [],
          defaultDestination: "desk",
          destinations: [{ name: "desk", description: "people", kind: "dial" }],
        },
      ],
    });
    expect(answer.body).not.toMatch(/\+1555|Secret/);
    expect((await send(port, "GET", "/api/agents")).status).toBe(401);
  });
});
