import { RelayError } from "../domain/errors.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

/** `GET /api/nodes`: the processes that share the database, as of their last heartbeats. */
export function nodeRoutes(bus: { nodes(): Promise<readonly object[]> }): readonly OperatorRoute[] {
  return [
    {
      method: "GET",
      path: "/api/nodes",
      access: "guarded",
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
