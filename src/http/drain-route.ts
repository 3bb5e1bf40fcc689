/**
 * `POST /api/drain`: the relay accepts no new calls from now on. It goes on until it is stopped.
 */
import { BOOLEAN, object } from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

/** @param refuseCalls  has every process of this machine refuse new calls; idempotent. */
export function drainRoute(refuseCalls: () => void): OperatorRoute {
  return {
    method: "POST",
    path: "/api/drain",
    access: "admin",
    audit: "drain",
    doc: {
      summary: "Accepts no new calls from now on, until the relay is stopped",
      answers: {
        202: { description: "New calls overflow", schema: object({ draining: BOOLEAN }) },
      },
    },
    handle: () => {
      refuseCalls();
      return json(202, { draining: true });
    },
  };
}
