/** `POST /api/drain`: the relay accepts no new calls. It goes on running until it is stopped. */
import { BOOLEAN, NUMBER, object } from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

/**
 * @param refuseCalls   has every process of this machine refuse new calls; idempotent.
 * @param delaySeconds  DRAIN_DELAY_SECONDS: how long callers are still accepted after that.
 */
export function drainRoute(refuseCalls: () => void, delaySeconds: number): OperatorRoute {
  return {
    method: "POST",
    path: "/api/drain",
    access: "admin",
    audit: "drain",
    doc: {
      summary: "Accepts no new calls any more, until the relay is stopped",
      answers: {
        202: {
          description: "/ready answers 503; new calls overflow after delaySeconds",
          schema: object({ draining: BOOLEAN, delaySeconds: NUMBER }),
        },
      },
    },
    handle: () => {
      refuseCalls();
      return json(202, { draining: true, delaySeconds });
    },
  };
}
