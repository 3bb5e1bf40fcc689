/**
 * What the URLs of a transfer carry. Twilio signs them, so what comes back is what was sent; and it is enough for any
 * node to go on, also when the one that began has died. Names and numbers of steps only: nothing of the caller.
 */
import type { CallSid } from "../domain/ids.js";
import type { TransferBy } from "./transfer-request.js";

/** Absolute URL of a path of ours with a query. */
export type UrlBuilder = (path: string, query: Readonly<Record<string, string>>) => string;

/** `document`: the `action` of the caller's own document. `wait`: in a queue. `key`, `no_key`: on the human's phone. */
export type LinkPage = "document" | "wait" | "key" | "no_key";

export interface TransferLink {
  /** The caller's call, also in URLs that belong to the human's leg. */
  readonly call: CallSid;
  /** Name of the agent whose directory it is. */
  readonly agent: string;
  /** The destination that the ladder begins with. */
  readonly first: string;
  readonly rung: number;
  readonly doc: number;
  readonly ring: number;
  readonly by: TransferBy;
  readonly page: LinkPage;
}

export function linkQuery(link: TransferLink): Readonly<Record<string, string>> {
  const { call, agent, first, rung, doc, ring, by, page } = link;
  return { call, agent, first, rung: String(rung), doc: String(doc), ring: String(ring), by, page };
}

const PAGES: readonly LinkPage[] = ["document", "wait", "key", "no_key"];
const BY: readonly TransferBy[] = ["agent", "key", "supervisor", "failure", "limit"];

/** Null: not one of ours. */
export function readLink(query: Readonly<Record<string, string>>): TransferLink | null {
  const call = query["call"] ?? "";
  const agent = query["agent"] ?? "";
  const first = query["first"] ?? "";
  const page = PAGES.find((name) => name === query["page"]);
  const by = BY.find((name) => name === query["by"]);
  const [rung, doc, ring] = [count(query["rung"]), count(query["doc"]), count(query["ring"])];
  if (!isCallSid(call) || agent === "" || first === "" || page === undefined || by === undefined)
    return null;
  if (rung === null || doc === null || ring === null) return null;
  return { call, agent, first, rung, doc, ring, by, page };
}

function count(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : null;
}

/** Form as Twilio's: CA and 32 hexadecimal digits. */
export function isCallSid(text: string): text is CallSid {
  return /^CA[0-9a-fA-F]{32}$/.test(text);
}
