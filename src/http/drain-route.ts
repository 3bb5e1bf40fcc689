/** `POST /api/drain`: the relay accepts no new calls from now on. It goes on until it is stopped. */
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

/** @param refuseCalls  has every process of this machine refuse new calls; idempotent. */
export function drainRoute(refuseCalls: () => void): OperatorRoute {
  return {
    method: "POST",
    path: "/api/drain",
    access: "guarded",
    handle: () => {
      refuseCalls();
      return json(202, { draining: true });
    },
  };
}
