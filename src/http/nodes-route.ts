import { BOOLEAN, failure, listOf, NUMBER, object, STRING } from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { readYesNo } from "./record-query.js";
import { answered } from "./record-routes.js";
import { json } from "./reply.js";

export interface NodesSource {
  /** @param withSilent  also processes that have died within the last hour. */
  nodes(withSilent: boolean): Promise<readonly object[]>;
}

const NODE = object({
  node: STRING,
  worker: NUMBER,
  calls: NUMBER,
  maxCalls: NUMBER,
  draining: BOOLEAN,
  silentMs: NUMBER,
});

/** `GET /api/nodes`: the processes that share the database, as of their last heartbeats. */
export function nodeRoutes(bus: NodesSource): readonly OperatorRoute[] {
  return [
    {
      method: "GET",
      path: "/api/nodes",
      access: "viewer",
      doc: {
        summary: "The processes that share the database; with SQLite the one that answers",
        query: {
          silent: {
            description:
              "true: also processes that died, for an hour; they have sent no heartbeat for 12 s",
            schema: BOOLEAN,
          },
        },
        answers: {
          200: {
            description: "As of their last heartbeats",
            schema: object({ nodes: listOf(NODE) }),
          },
          400: failure("A parameter is not valid"),
          503: failure("The database is away"),
        },
      },
      handle: async ({ query }) =>
        await answered(async () => {
          const withSilent = readYesNo(query, "silent") ?? false;
          return json(200, { nodes: await bus.nodes(withSilent) });
        }),
    },
  ];
}
