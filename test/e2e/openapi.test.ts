/** Asks the operator listener of a running relay and checks every answer against /openapi.json. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { OpenApiClient } from "../fakes/openapi-client.js";
import { DESK, type Stage, startStage } from "../fakes/stage.js";

const TOKEN = "the-token-of-an-operator";
const GREETING = { text: "Hello.", audio: speechLike(600, 1) };
const LONG = { text: "One two three four five six.", audio: speechLike(20_000, 2) };

let stage: Stage;
let api: OpenApiClient;

beforeAll(async () => {
  stage = await startStage(
    { turns: [{ say: GREETING }, { say: LONG }], transcripts: ["Where is my order?"] },
    { env: { ADMIN_TOKEN: TOKEN } },
  );
  api = await OpenApiClient.open(stage.adminPort, TOKEN);
}, 30_000);
afterAll(async () => await stage.close());

/**
 * Answers that other tests provoke. Those to wrong tokens, pages, bodies and roles are in
 * openapi-refusals.test.ts, and a fault of the relay (500) in http/operator.test.ts.
 */
const ELSEWHERE: readonly string[] = [
  ...["transfer 202", "transfer 409", "end 409", "note 409", "say 409"],
  ...["take-over 202", "take-over 501", "hand-back 202", "hand-back 404"],
]
  .map((act) => `POST /api/calls/{callSid}/${act}`)
  .concat([
    // An upgrade: listen-route.test.ts.
    "GET /api/calls/{callSid}/listen 101",
    "GET /api/calls/{callSid}/listen 409",
    "GET /api/calls/{callSid}/listen 501",
    "POST /api/calls 202",
    "POST /api/calls 502",
    "POST /api/calls 504",
  ]);

const ask: OpenApiClient["ask"] = (...request) => api.ask(...request);

describe("the operator API", () => {
  it("describes itself as OpenAPI 3.1, with security for all that needs a token", () => {
    expect(api.document.openapi).toBe("3.1.0");
    for (const [path, operations] of Object.entries(api.document.paths)) {
      for (const { security } of Object.values(operations))
        expect([path, security.length > 0]).toEqual([
          path,
          path === "/console" || path.startsWith("/api/"),
        ]);
    }
    api.compile({ $ref: "#/components/schemas/CallRecord" });
  });

  it("answers as described while a call is live and when it has ended", async () => {
    const call = stage.twilio.placeCall();
    await stage.until(call.sid, "agent_heard");
    await call.say(speechLike(700, 3));
    expect(await ask("GET", "/api/calls", "/api/calls?state=live")).toBe(200);
    const one = `/api/calls/${call.sid}`;
    expect(await ask("GET", "/api/calls/{callSid}", one)).toBe(200);
    const transfer = "/api/calls/{callSid}/transfer";
    const move = (destination: unknown) =>
      ask("POST", transfer, `${one}/transfer`, { body: { destination } });
    expect(await move("nowhere")).toBe(422);
    expect(await move(7)).toBe(400);
    expect(
      await ask("POST", transfer, `${one}/transfer`, {
        headers: { "content-type": "text/plain" },
        body: "x",
      }),
    ).toBe(415);
    expect(
      await ask("POST", transfer, "/api/calls/CA9/transfer", { body: { destination: "x" } }),
    ).toBe(404);
    for (const act of ["note", "say"]) {
      const path = `/api/calls/{callSid}/${act}`;
      expect(await ask("POST", path, `${one}/${act}`, { body: { text: "A vip." } })).toBe(202);
      expect(await ask("POST", path, `${one}/${act}`, { body: { text: "" } })).toBe(400);
      const none = `/api/calls/CA9/${act}`;
      expect(await ask("POST", path, none, { body: { text: "A vip." } })).toBe(404);
    }
    const takeOver = "/api/calls/{callSid}/take-over";
    const mine = { body: { listener: 1 } };
    expect(await ask("POST", takeOver, `${one}/take-over`, mine)).toBe(409);
    expect(await ask("POST", takeOver, `${one}/take-over`, { body: {} })).toBe(400);
    expect(await ask("POST", takeOver, "/api/calls/CA9/take-over", mine)).toBe(404);
    const handBack = "/api/calls/{callSid}/hand-back";
    expect(await ask("POST", handBack, `${one}/hand-back`, { body: {} })).toBe(409);
    const listen = "/api/calls/{callSid}/listen";
    expect(await ask("GET", listen, `${one}/listen`)).toBe(426);
    expect(await ask("GET", listen, "/api/calls/CA9/listen")).toBe(404);
    expect(
      await ask("POST", handBack, `${one}/hand-back`, { body: { note: "x".repeat(3_000) } }),
    ).toBe(400);
    const end = "/api/calls/{callSid}/end";
    expect(await ask("POST", end, `${one}/end`, { body: "{" })).toBe(400);
    expect(await ask("GET", "/api/audit", `/api/audit?callSid=${call.sid}`)).toBe(200);
    expect(await ask("GET", "/api/audit", "/api/audit?limit=x")).toBe(400);
    expect(await ask("POST", "/api/calls/{callSid}/end", `${one}/end`)).toBe(202);
    await call.ended;
    await stage.until(call.sid, "ended");
    expect(await ask("POST", "/api/calls/{callSid}/end", `${one}/end`)).toBe(404);
    expect(await ask("GET", "/api/calls", "/api/calls?state=ended&limit=5")).toBe(200);
    expect(await ask("GET", "/api/calls", "/api/calls?format=csv")).toBe(200);
    expect(await ask("GET", "/api/calls", "/api/calls?limit=0")).toBe(400);
    expect(await ask("GET", "/api/calls/{callSid}", one)).toBe(200);
    expect(await ask("GET", "/api/calls/{callSid}", "/api/calls/CA9")).toBe(404);
    const timeline = "/api/calls/{callSid}/timeline";
    expect(await ask("GET", timeline, `${one}/timeline`)).toBe(200);
    expect(await ask("GET", timeline, "/api/calls/CA9/timeline")).toBe(404);
    const act = async (name: string, good: object, bad: object) => {
      const path = `/api/calls/{callSid}/${name}`;
      expect(await ask("POST", path, `${one}/${name}`, { body: good })).toBe(200);
      expect(await ask("POST", path, `${one}/${name}`, { body: bad })).toBe(400);
      expect(await ask("POST", path, `/api/calls/CA9/${name}`, { body: good })).toBe(404);
    };
    await act("rating", { rating: 4 }, { rating: 9 });
    await act("tags", { add: ["vip"] }, { add: ["Not one"] });
    await act("review-notes", { text: "Well done" }, {});
    await act("reviewed", { reviewed: true }, {});
    const more = (name: string, body: object) =>
      ask("POST", `/api/calls/{callSid}/${name}`, `${one}/${name}`, { body });
    expect(await more("tags", { add: Array.from({ length: 20 }, (_, i) => `t${i}`) })).toBe(409);
    let added = 200;
    for (let i = 0; i < 100 && added === 200; i++)
      added = await more("review-notes", { text: "x" });
    expect(added).toBe(409);
    const review = "/api/calls/{callSid}/review";
    expect(await ask("GET", review, `${one}/review`)).toBe(200);
    expect(await ask("GET", review, "/api/calls/CA9/review")).toBe(404);
    expect(await ask("GET", "/api/reviews", `/api/reviews?calls=${call.sid}`)).toBe(200);
    expect(await ask("GET", "/api/reviews", "/api/reviews?calls=x")).toBe(400);
    const counts = "/api/calls/counts";
    expect(await ask("GET", counts, `${counts}?tag=vip&rating=4&review=done`)).toBe(200);
    expect(await ask("GET", counts, `${counts}?flag=x`)).toBe(400);
    const file = "/api/calls/export";
    for (const format of ["csv", "json", "jsonl"])
      expect(await ask("GET", file, `${file}?format=${format}`)).toBe(200);
    expect(await ask("GET", file, `${file}?format=x`)).toBe(400);
    expect(await ask("GET", "/api/nodes", "/api/nodes")).toBe(200);
    expect(await ask("GET", "/api/nodes", "/api/nodes?silent=perhaps")).toBe(400);
    expect(await ask("GET", "/api/nodes/sums", "/api/nodes/sums")).toBe(200);
    expect(await ask("GET", "/api/nodes/sums", "/api/nodes/sums?since=x")).toBe(400);
    const caller = `/api/callers/${encodeURIComponent(stage.record(call.sid).from ?? "")}`;
    expect(await ask("GET", "/api/callers/{caller}", caller)).toBe(200);
    expect(await ask("GET", "/api/callers/{caller}", `${caller}?before=x`)).toBe(400);
    expect(await ask("DELETE", "/api/calls/{callSid}", one)).toBe(204);
    expect(await ask("DELETE", "/api/callers/{caller}", caller)).toBe(200);
    expect(await ask("DELETE", "/api/calls/{callSid}", one)).toBe(404);
  });

  it("answers as described where no call is concerned", async () => {
    expect(await ask("GET", "/metrics", "/metrics", { token: null })).toBe(200);
    expect(await ask("GET", "/ready", "/ready", { token: null })).toBe(200);
    expect(await ask("GET", "/openapi.json", "/openapi.json", { token: null })).toBe(200);
    expect(await ask("GET", "/api/agents", "/api/agents")).toBe(200);
    expect(await ask("GET", "/api/agents", "/api/agents", { token: "wrong" })).toBe(401);
    expect(
      await ask("GET", "/api/agents", "/api/agents", { headers: { origin: "https://a.example" } }),
    ).toBe(403);
    expect(await ask("GET", "/api/events", "/api/events")).toBe(200);
    expect(await ask("GET", "/api/events", "/api/events?callSid=x")).toBe(400);
    expect(await ask("POST", "/api/calls", "/api/calls", { body: { to: "x" } })).toBe(400);
    expect(
      await ask("POST", "/api/calls", "/api/calls", { body: { to: DESK, agent: "nobody" } }),
    ).toBe(422);
    expect(await ask("GET", "/console", "/console")).toBe(200);
    expect(await ask("GET", "/console", "/console", { token: null })).toBe(401);
    expect(await ask("GET", "/console/{rest}", "/console/main.js", { token: null })).toBe(200);
    expect(await ask("GET", "/console/{rest}", "/console/none.js", { token: null })).toBe(404);
    const page = await fetch(`http://127.0.0.1:${stage.adminPort}/console/main.js`);
    const same = { headers: { "if-none-match": page.headers.get("etag") ?? "" } };
    expect(await ask("GET", "/console/{rest}", "/console/main.js", same)).toBe(304);
    const index = await fetch(`http://127.0.0.1:${stage.adminPort}/console`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const unchanged = { headers: { "if-none-match": index.headers.get("etag") ?? "" } };
    expect(await ask("GET", "/console", "/console", unchanged)).toBe(304);
    expect(await ask("POST", "/api/drain", "/api/drain", { body: "{" })).toBe(400);
    expect(await ask("POST", "/api/drain", "/api/drain")).toBe(202);
    expect(await ask("GET", "/ready", "/ready", { token: null })).toBe(503);
    const session = (body: object | undefined, method = "POST") =>
      ask(method, "/console/session", "/console/session", { token: null, body });
    expect(await session({ token: TOKEN })).toBe(204);
    expect(await session({ token: "wrong" })).toBe(401);
    expect(await session({})).toBe(400);
    expect(await session(undefined, "GET")).toBe(200);
    expect(await session(undefined, "DELETE")).toBe(204);
  });

  it("has no route that this test did not ask", () => {
    const asked = new Set([...api.seen].map((line) => line.replace(/ \d+$/, "")));
    const described = api.operations().map(([method, path]) => `${method} ${path}`);
    expect(described.filter((operation) => !asked.has(operation))).toEqual([]);
  });

  it("has no answer that nothing gives", () => {
    const described = api
      .operations()
      .flatMap(([method, path, { responses }]) =>
        Object.keys(responses).map((status) => `${method} ${path} ${status}`),
      );
    const unseen = described.filter(
      (line) => !api.seen.has(line) && !/ (?:4[01]3|401|415|429|50[03])$/.test(line),
    );
    expect(unseen.toSorted()).toEqual(ELSEWHERE.toSorted());
  });
});
