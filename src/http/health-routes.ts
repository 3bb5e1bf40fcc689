/** What monitoring asks: metrics and readiness. Neither wants a token. */
import type { CallService } from "../relay/calls/call-service.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

export interface HealthRouteParts {
  readonly calls: Pick<CallService, "readiness">;
  /** The Prometheus text and its content type. */
  readonly scrape: () => Promise<{ readonly type: string; readonly body: string }>;
}

export function healthRoutes({ calls, scrape }: HealthRouteParts): readonly OperatorRoute[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      access: "open",
      handle: async () => {
        const { type, body } = await scrape();
        return { status: 200, type, body };
      },
    },
    {
      method: "GET",
      path: "/ready",
      access: "open",
      handle: () => {
        const readiness = calls.readiness();
        return json(readiness.ready ? 200 : 503, readiness);
      },
    },
  ];
}
