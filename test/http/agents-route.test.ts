import { describe, expect, it } from "vitest";
import { AgentsFileError } from "../../src/config/agents/agents-file.js";
import { agentsRoute, reloadRoute } from "../../src/http/agents-route.js";
import type { OperatorRequest } from "../../src/http/operator-router.js";
import type { Reply } from "../../src/http/reply.js";
import { agent } from "../fakes/call-bench.js";

const ask = async (route: ReturnType<typeof reloadRoute>): Promise<[number, unknown]> => {
  const reply = (await route.handle({} as OperatorRequest)) as Reply;
  return [reply.status, JSON.parse(Buffer.from(reply.body ?? "").toString())];
};

describe("GET /api/agents", () => {
  it("names agents, tools and destinations, and neither numbers nor instructions", async () => {
    const agents = new Map([["support", agent({ name: "support", instructions: "secret words" })]]);
    const [status, body] = await ask(agentsRoute({ agents }, "1.2.3"));
    expect([status, body]).toMatchObject([
      200,
      { version: "1.2.3", agents: [{ name: "support" }] },
    ]);
    const text = JSON.stringify(body);
    expect(text).not.toContain("secret words");
    expect(text).not.toMatch(/\+\d{7}/);
  });

  it("is made once for each agents file, because that of a large one takes long", async () => {
    let asked = 0;
    const named = (name: string) => ({
      ...agent({}),
      get name() {
        asked++;
        return name;
      },
    });
    const both = ["a", "b"].map((name) => [name, named(name)] as const);
    const file = { agents: new Map(both) };
    const route = agentsRoute(file, "1.2.3");
    const first = await ask(route);
    expect(first).toMatchObject([200, { agents: [{ name: "a" }, { name: "b" }] }]);
    const before = asked;
    expect(await ask(route)).toEqual(first);
    expect(asked).toBe(before);
    file.agents = new Map([["c", named("c")]]);
    expect(await ask(route)).toMatchObject([200, { agents: [{ name: "c" }] }]);
  });
});

describe("POST /api/agents/reload", () => {
  it("asks for a reload", async () => {
    let asked = 0;
    expect(
      await ask(
        reloadRoute(async () => {
          asked++;
        }),
      ),
    ).toEqual([202, { reloading: true }]);
    expect(asked).toBe(1);
  });

  it("answers with the faults of the file", async () => {
    const fault = { path: "agents.a", line: 3, column: 5, problem: "is unknown" };
    const route = reloadRoute(async () => {
      throw new AgentsFileError("agents.yaml", [fault]);
    });
    expect(await ask(route)).toEqual([
      422,
      { error: "agents_file", faults: [{ path: "agents.a", line: 3, problem: "is unknown" }] },
    ]);
  });
});
