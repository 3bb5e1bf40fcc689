/** Stands where a secret was. */
const HIDDEN = "[hidden]";
/** Of an MCP server, as it is passed on to the model: what lets one in. */
const SECRETS = new Set(["authorization", "headers"]);

/**
 * @param json  what goes to the model, or is made of it. Only tools of MCP servers bring secrets
 * along.
 */
export function withoutSecrets(json: string): string {
  if (!json.includes('"mcp"')) return json;
  return JSON.stringify(hidden(JSON.parse(json)));
}

function hidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hidden);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRETS.has(name) ? HIDDEN : hidden(inner),
    ]),
  );
}
