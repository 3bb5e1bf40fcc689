import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";

interface Answer {
  readonly content?: Record<string, { schema?: object }>;
}
export interface Operation {
  readonly responses: Record<string, Answer>;
  readonly security: readonly object[];
  readonly requestBody?: object;
  readonly "x-least-role"?: string;
}
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

export interface Ask {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** Instead of the admin's; null: none. */
  readonly token?: string | null;
}

/** Asks an operator listener, and holds every answer against its own OpenAPI document. */
export class OpenApiClient {
  readonly document: OpenApiDocument;
  /** "GET /path 200" of every answer that was checked. */
  readonly seen = new Set<string>();
  readonly #base: string;
  readonly #token: string;
  readonly #ajv = new Ajv2020({
    strict: false,
    formats: { "date-time": /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ },
  });

  private constructor(base: string, token: string, document: OpenApiDocument) {
    this.document = document;
    this.#base = base;
    this.#token = token;
    this.#ajv.addSchema({ $id: "doc", components: document.components });
  }

  static async open(port: number, token: string): Promise<OpenApiClient> {
    const base = `http://127.0.0.1:${port}`;
    const answer = await fetch(`${base}/openapi.json`);
    return new OpenApiClient(base, token, (await answer.json()) as OpenApiDocument);
  }

  /** The same document at another address. */
  at(port: number): OpenApiClient {
    return new OpenApiClient(`http://127.0.0.1:${port}`, this.#token, this.document);
  }

  /** "GET /path" of every operation. */
  operations(): readonly (readonly [method: string, path: string, operation: Operation])[] {
    return Object.entries(this.document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(
        ([method, operation]) => [method.toUpperCase(), path, operation] as const,
      ),
    );
  }

  compile(schema: object): ValidateFunction {
    // "#/components/…" refers to the document, which the validator knows as "doc".
    return this.#ajv.compile(
      JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')),
    );
  }

  /** Sends a request, and holds the answer against the operation `path` of the document. */
  async ask(method: string, path: string, target: string, options: Ask = {}): Promise<number> {
    const { headers = {}, body, token = this.#token } = options;
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(this.#base + target, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const answer = this.document.paths[path]?.[method.toLowerCase()]?.responses[response.status];
    expect([method, target, response.status, answer !== undefined]).toEqual([
      method,
      target,
      response.status,
      true,
    ]);
    await this.#check(target, response, answer ?? {});
    this.seen.add(`${method} ${path} ${response.status}`);
    return response.status;
  }

  async #check(target: string, response: Response, { content = {} }: Answer): Promise<void> {
    const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
    const [documented = "", media] = Object.entries(content)[0] ?? [];
    if (documented === "text/event-stream" && response.status === 200) {
      await response.body?.cancel();
      return;
    }
    const text = await response.text();
    if (documented !== "*/*" && type !== "text/csv" && response.status !== 304)
      expect([target, response.status, type]).toEqual([
        target,
        response.status,
        documented.split(";")[0],
      ]);
    if (media?.schema === undefined || type !== "application/json") return;
    const validate = this.compile(media.schema);
    expect([target, validate(JSON.parse(text)), validate.errors]).toEqual([target, true, null]);
  }
}
