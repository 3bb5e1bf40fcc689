import { describe, expect, it } from "vitest";
import { drainRoute } from "../../src/http/drain-route.js";
import type { OperatorRequest } from "../../src/http/operator-router.js";
import type { Reply } from "../../src/http/reply.js";

describe("POST /api/drain", () => {
  it("has new calls refused, and is for admins only", async () => {
    let asked = 0;
    const route = drainRoute(() => {
      asked++;
    }, 8);
    const reply = (await route.handle({} as OperatorRequest)) as Reply;
    expect(reply.status).toBe(202);
    expect(JSON.parse(String(reply.body))).toEqual({ draining: true, delaySeconds: 8 });
    expect([asked, route.access, route.method]).toEqual([1, "admin", "POST"]);
  });
});
