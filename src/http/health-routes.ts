/** Metrics and readiness, for monitoring. Neither requires a token. */
import type { CallService } from "../relay/calls/call-service.js";
import { BOOLEAN, object, STRING } from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

const READINESS = object({ ready: BOOLEAN, reason: STRING });

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
      doc: {
        summary: "Metrics of all workers",
        answers: {
          200: { description: "Prometheus text 0.0.4", type: "text/plain; version=0.0.4" },
        },
      },
      handle: async () => {
        const { type, body } = await scrape();
        return { status: 200, type, body };
      },
    },
    {
      method: "GET",
      path: "/ready",
      access: "open",
      doc: {
        summary: "Whether new calls are accepted",
        answers: {
          200: { description: "New calls are accepted", schema: READINESS },
          503: { description: "New calls go to their overflow destination", schema: READINESS },
        },
      },
      handle: () => {
        const readiness = calls.readiness();
        return json(readiness.ready ? 200 : 503, readiness);
      },
    },
  ];
}
