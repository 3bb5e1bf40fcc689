// The page that is shown is encoded in the address, after the "#".

/**
 * @typedef {{ page: "live", sort?: string } | { page: "call" | "inspect", callSid: string } | { page: "ended" | "review" | "audit", filter: Record<string, string> }
 *   | { page: "place" } | { page: "health" } | { page: "talk" } | { page: "wall" }} Route
 */

/** @param {string} hash location.hash @returns {Route} */
export function readRoute(hash) {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page, rest, part] = path.split("/");
  switch (page) {
    case "calls":
      return rest === undefined || rest === ""
        ? { page: "live" }
        : { page: part === "inspect" ? "inspect" : "call", callSid: decoded(rest) };
    case "ended":
    case "review":
    case "audit":
      return { page, filter: Object.fromEntries(new URLSearchParams(query)) };
    case "wall":
    case "place":
    case "health":
    case "talk":
      return { page };
    default: {
      const sort = new URLSearchParams(query).get("sort");
      return sort === null ? { page: "live" } : { page: "live", sort };
    }
  }
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not the id of a call: the relay will answer that there is none.
    return text;
  }
}

/** @param {string} callSid */
export const callLink = (callSid) => `#/calls/${encodeURIComponent(callSid)}`;

/**
 * The address of a softphone's server that a link contains.
 *
 * @param {string} hash
 * @returns {string | null} always an address of this machine.
 */
export function phoneIn(hash) {
  const match = /^#phone=(.+)$/.exec(hash);
  if (match?.[1] === undefined) return null;
  const text = decoded(match[1]);
  return /^ws:\/\/127\.0\.0\.1:\d{1,5}\/[\w/-]{16,200}$/.test(text) ? text : null;
}
