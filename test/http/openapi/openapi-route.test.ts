import { expect, it } from "vitest";
import { openApiRoute } from "../../../src/http/openapi/openapi-route.js";
import type { OperatorRoute } from "../../../src/http/operator-router.js";
import { json } from "../../../src/http/reply.js";

it("GET /openapi.json lists the other routes and itself, and is open", async () => {
  const other: OperatorRoute = {
    method: "POST",
    path: "/api/drain",
    access: "viewer",
    doc: { summary: "Drains", answers: { 202: { description: "Draining" } } },
    handle: () => json(202, {}),
  };
  const route = openApiRoute([other], "1.2.3");
  expect([route.method, route.path, route.access]).toEqual(["GET", "/openapi.json", "open"]);
  const reply = await route.handle({} as Parameters<OperatorRoute["handle"]>[0]);
  if (reply === null || !("body" in reply)) throw new Error("no body");
  const document = JSON.parse(String(reply.body));
  expect(document).toMatchObject({
    openapi: expect.stringMatching(/^3\.1/),
    info: { version: "1.2.3" },
  });
  expect(Object.keys(document.paths).sort()).toEqual(["/api/drain", "/openapi.json"]);
  expect(document.paths["/api/drain"].post.summary).toBe("Drains");
});
