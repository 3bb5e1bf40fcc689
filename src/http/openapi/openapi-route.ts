import type { OperatorRoute } from "../operator-router.js";
import { json } from "../reply.js";
import { NO_WORKER, openApiDocument } from "./document.js";

/** `GET /openapi.json`: all routes of the operator listener, this one included. */
export function openApiRoute(others: readonly OperatorRoute[], version: string): OperatorRoute {
  const route: OperatorRoute = {
    method: "GET",
    path: "/openapi.json",
    access: "open",
    doc: {
      summary: "This document",
      answers: {
        200: { description: "OpenAPI 3.1", schema: { type: "object" } },
        503: NO_WORKER,
      },
    },
    handle: () => json(200, openApiDocument([...others, route], version)),
  };
  return route;
}
