/**
 * Whether a request's `Host` may name the operator listener. A page of another site can make a name
 * of its own resolve to this machine and then read what the listener answers (DNS rebinding). Such
 * a name is a public one with a dot in it.
 */
import { isIP } from "node:net";
import { isLoopbackHost } from "../config/hosts.js";

/** Names that the public DNS does not give to strangers. */
const PRIVATE_SUFFIX = /\.(?:local|localhost|internal|lan|intranet|svc|home\.arpa)$/;

/** The name of a `Host` header, in lower case, without port and brackets. */
export function hostName(header: string): string {
  return header
    .toLowerCase()
    .replace(/:\d+$/, "")
    .replace(/^\[(.*)\]$/, "$1");
}

/**
 * @param header     the request's `Host`.
 * @param adminHost  ADMIN_HOST. On loopback only this machine's own names are expected. Elsewhere
 *                   operators come by addresses, short names and private names as well.
 */
export function isExpectedHost(header: string, adminHost: string): boolean {
  const host = hostName(header);
  if (isLoopbackHost(host)) return true;
  if (isLoopbackHost(adminHost)) return false;
  return (
    isIP(host) !== 0 ||
    host === hostName(adminHost) ||
    (host !== "" && !host.includes(".")) ||
    PRIVATE_SUFFIX.test(host)
  );
}
