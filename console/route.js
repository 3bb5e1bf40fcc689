// The page that is shown is encoded in the address, after the "#".

/**
 * @typedef {{ page: "live", sort?: string } | { page: "call", callSid: string }
 *   | { page: "inspect", callSid: string, atMs: number, zoom: number } | { page: "ended" | "review" | "audit", filter: Record<string, string> }
 *   | { page: "place" } | { page: "health" } | { page: "talk" } | { page: "wall" }} Route
 */

/** @param {string} hash location.hash @returns {Route} */
export function readRoute(hash) {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page, rest, part] = path.split("/");
  switch (page) {
    case "calls":
      if (rest === undefined || rest === "") return { page: "live" };
      return part === "inspect"
        ? { page: "inspect", callSid: decoded(rest), ...instantOf(new URLSearchParams(query)) }
        : { page: "call", callSid: decoded(rest) };
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

/** @param {URLSearchParams} query */
function instantOf(query) {
  const number = (/** @type {string} */ name, /** @type {number} */ least) => {
    const value = Number(query.get(name));
    return Number.isFinite(value) ? Math.max(least, value) : least;
  };
  return { atMs: number("at", 0), zoom: number("zoom", 1) };
}

/** @param {string} callSid @param {number} [atMs] @param {number} [zoom] */
export function inspectLink(callSid, atMs, zoom) {
  const query = new URLSearchParams();
  if (atMs !== undefined && atMs > 0) query.set("at", String(Math.round(atMs)));
  if (zoom !== undefined && zoom > 1) query.set("zoom", String(Math.round(zoom * 100) / 100));
  const text = query.toString();
  return `${callLink(callSid)}/inspect${text === "" ? "" : `?${text}`}`;
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
