/**
 * What the URLs of a transfer carry. Twilio signs its requests, so what comes back is what was
 * sent; and it is enough for any node to go on, also when the node that began the transfer has
 * died. It holds names and numbers of steps only, nothing about the caller.
 */
import { type CallSid, readCallSid } from "../domain/ids.js";
import type { TransferBy } from "../domain/transfer-request.js";

/** Paths of the public listener that a transfer's URLs lead to. */
export type TransferPath = "/transfer-status" | "/call-status" | "/conference-events";

/**
 * `document`: the `action` of the caller's document. `wait`: the wait URL of a queue. `key`,
 * `no_key`: the call screening on the consult leg.
 */
export type LinkPage = "document" | "wait" | "key" | "no_key";

export interface TransferLink {
  /** The caller's call, also in URLs that belong to the consult leg. */
  readonly call: CallSid;
  /** Name of the agent whose directory is meant. */
  readonly agent: string;
  /** The destination that the failover list begins with. */
  readonly first: string;
  /** Index into the failover list. */
  readonly step: number;
  readonly revision: number;
  readonly attempt: number;
  readonly by: TransferBy;
  readonly page: LinkPage;
}

/** Absolute URL of a path of ours that carries a link. */
export type TransferUrl = (path: TransferPath, link: TransferLink) => string;

export function linkQuery(link: TransferLink): Readonly<Record<string, string>> {
  const { call, agent, first, step, revision, attempt, by, page } = link;
  return {
    call,
    agent,
    first,
    step: String(step),
    revision: String(revision),
    attempt: String(attempt),
    by,
    page,
  };
}

const PAGES: readonly LinkPage[] = ["document", "wait", "key", "no_key"];
const BY: readonly TransferBy[] = ["agent", "key", "supervisor", "failure", "limit"];

/** Null: not a link of a transfer. */
export function readLink(query: Readonly<Record<string, string>>): TransferLink | null {
  const call = readCallSid(query["call"]);
  const agent = query["agent"] ?? "";
  const first = query["first"] ?? "";
  const page = PAGES.find((name) => name === query["page"]);
  const by = BY.find((name) => name === query["by"]);
  if (call === null || agent === "" || first === "" || page === undefined || by === undefined)
    return null;
  const step = count(query["step"]);
  const revision = count(query["revision"]);
  const attempt = count(query["attempt"]);
  if (step === null || revision === null || attempt === null) return null;
  return { call, agent, first, step, revision, attempt, by, page };
}

function count(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
