/** The OpenAPI document, made from the routes themselves. */
import { type RouteAccess, wantsRole } from "../operator-auth.js";
import type { OperatorRoute } from "../operator-router.js";
import { type AnswerDoc, failure, type RouteDoc, type Schema, STRING } from "./route-doc.js";
import { SCHEMAS } from "./schemas.js";

export type DescribedRoute = Pick<OperatorRoute, "method" | "path" | "access" | "doc">;

const TOKEN = { bearer: [] };
const COOKIE = { session: [] };

export function openApiDocument(routes: readonly DescribedRoute[], version: string): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "murelay operator API",
      version,
      description:
        "The operator listener (ADMIN_HOST, ADMIN_PORT). Every path also answers other methods " +
        "with 405, and unknown paths with 404.",
    },
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "ADMIN_TOKEN or an operator's" },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "murelay_session",
          description: "The console's cookie, from POST /console/session",
        },
      },
    },
  };
}

/** "/api/calls/:callSid" → "/api/calls/{callSid}"; the rest of a path → "{rest}". */
export function openApiPath(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}").replace(/\*$/, "{rest}");
}

/** The supervisor answers metrics and readiness itself, and passes all else on to a worker. */
export const NO_WORKER = failure("No worker of this machine answers: try again in a second");

/** Every status that a route may answer with, those included that follow from its kind. */
export function answersOf({
  method,
  access,
  doc,
}: Omit<DescribedRoute, "path">): Readonly<Record<string, AnswerDoc>> {
  return {
    ...accessAnswers(access),
    ...(method === "POST" ? BODY_ANSWERS : {}),
    500: failure("A fault of the relay; the log has its cause"),
    ...(access === "open" ? {} : { 503: NO_WORKER }),
    ...doc.answers,
  };
}

function operation(route: DescribedRoute): Schema {
  const { doc, access } = route;
  const answers = Object.entries(answersOf(route)).map(([status, answer]) => [
    status,
    response(answer),
  ]);
  return {
    summary: doc.summary,
    ...(wantsRole(access)
      ? { security: [TOKEN, COOKIE], "x-least-role": access }
      : { security: [] }),
    parameters: [...pathParameters(route.path), ...queryParameters(doc)],
    ...(doc.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: doc.body } },
          },
        }),
    responses: Object.fromEntries(answers),
  };
}

function response({ description, type, schema }: AnswerDoc): Schema {
  const media = type ?? (schema === undefined ? null : "application/json");
  if (media === null) return { description };
  return { description, content: { [media]: schema === undefined ? {} : { schema } } };
}

function pathParameters(path: string): readonly Schema[] {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
  return [...names, ...(path.endsWith("*") ? ["rest"] : [])].map((name) => ({
    name,
    in: "path",
    required: true,
    schema: STRING,
  }));
}

function queryParameters({ query = {} }: RouteDoc): readonly Schema[] {
  return Object.entries(query).map(([name, { description, schema = STRING }]) => ({
    name,
    in: "query",
    required: false,
    description,
    schema,
  }));
}

function accessAnswers(access: RouteAccess): Readonly<Record<string, AnswerDoc>> {
  const strange = failure("Asked by a page of another site, or under an unexpected Host");
  switch (access) {
    case "viewer":
    case "supervisor":
    case "admin":
      return {
        401: failure("No valid token and no valid session"),
        403: failure(`The role is not ${access} or above; or asked by a page of another site`),
        429: failure("Too many wrong tokens from this address"),
      };
    case "same_site":
    case "open":
      return { 403: strange };
    case "public_files":
      return {};
  }
}

/** Also of a route that wants no body: one that comes all the same is read. */
const BODY_ANSWERS: Readonly<Record<string, AnswerDoc>> = {
  400: failure("The body is not as described"),
  413: { description: "The body is larger than 64 KiB", type: "text/plain; charset=utf-8" },
  415: failure("The body is not application/json"),
};
