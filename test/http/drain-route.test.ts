import { describe, expect, it } from "vitest";
import { drainRoute } from "../../src/http/drain-route.js";
import type { OperatorRequest } from "../../src/http/operator-router.js";
import type { Reply } from "../../src/http/reply.js";

describe("POST /api/drain", () => {
  it("has new calls refused, and is for admins only", async () => {
    let asked = 0;
    const route = drainRoute(() => {
      asked++;
    });
    const reply = (await route.handle({} as OperatorRequest)) as Reply;
    expect([reply.status, JSON.parse(String(reply.body))]).toEqual([202, { draining: true }]);
    expect([asked, route.access, route.method]).toEqual([1, "admin", "POST"]);
  });
});
