import { RelayError } from "../../domain/errors.js";

const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * Fills `{name}` placeholders. Values are percent-encoded, so that each stays one part of a path or
 * query.
 *
 * @returns  the URL, and the names that were used.
 * @throws   RelayError `tool_arguments_invalid` when a value is missing or empty, or would lead
 *           elsewhere ("..").
 */
export function fillUrl(
  template: string,
  values: Readonly<Record<string, unknown>>,
): { readonly url: string; readonly used: ReadonlySet<string> } {
  const used = new Set<string>();
  const url = template.replace(PLACEHOLDER, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    const text = typeof value === "object" || value === undefined ? "" : String(value);
    if (text === "")
      throw new RelayError("tool_arguments_invalid", `a value for ${name} is needed`);
    used.add(name);
    return encodeURIComponent(text);
  });
  // "." and ".." survive encoding, and URL resolves them. The path then has another shape than the
  // template's.
  if (shape(url) !== shape(template.replace(PLACEHOLDER, "x")))
    throw new RelayError("tool_arguments_invalid", "a value is not allowed in the URL");
  return { url, used };
}

/** The origin, and which parts of the path are empty. */
function shape(text: string): string {
  const url = new URL(text);
  const parts = url.pathname.split("/").map((part) => (part === "" ? "" : "x"));
  return `${url.origin} ${parts.join("/")}`;
}
