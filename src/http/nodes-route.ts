import { RelayError } from "../domain/errors.js";
import { BOOLEAN, failure, listOf, NUMBER, object, STRING } from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

const NODE = object({
  node: STRING,
  worker: NUMBER,
  calls: NUMBER,
  maxCalls: NUMBER,
  draining: BOOLEAN,
  silentMs: NUMBER,
});

/** `GET /api/nodes`: the processes that share the database, as of their last heartbeats. */
export function nodeRoutes(bus: { nodes(): Promise<readonly object[]> }): readonly OperatorRoute[] {
  return [
    {
      method: "GET",
      path: "/api/nodes",
      access: "viewer",
      doc: {
        summary: "The processes that share the database; with SQLite the one that answers",
        answers: {
          200: {
            description: "As of their last heartbeats",
            schema: object({ nodes: listOf(NODE) }),
          },
          503: failure("The database is away"),
        },
      },
      handle: async () => {
        try {
          return json(200, { nodes: await bus.nodes() });
        } catch (error) {
          if (!(error instanceof RelayError) || error.code !== "store_unavailable") throw error;
          return json(503, { error: error.code });
        }
      },
    },
  ];
}
