/**
 * Which addresses a request that a model or a caller can influence may not reach. The metadata
 * services of clouds are among the link-local and unique-local addresses.
 * Source: IANA special-purpose address registries for IPv4 (RFC 6890 and later) and IPv6.
 */
import { BlockList, isIP } from "node:net";

const V4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** IPv6: only the globally assigned range is allowed, without the parts that lead elsewhere. */
const V6_GLOBAL: readonly [string, number] = ["2000::", 3];
const V6: readonly (readonly [string, number])[] = [
  // Teredo and 6to4 carry IPv4 addresses. Documentation and benchmarking ranges have no owner.
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const blocked4 = new BlockList();
for (const [net, bits] of V4) blocked4.addSubnet(net, bits, "ipv4");
const global6 = new BlockList();
global6.addSubnet(...V6_GLOBAL, "ipv6");
const blocked6 = new BlockList();
for (const [net, bits] of V6) blocked6.addSubnet(net, bits, "ipv6");

/** @param address  as resolvers and sockets write it; anything else is not public. */
export function isPublicAddress(address: string): boolean {
  const plain = address.split("%")[0] ?? "";
  switch (isIP(plain)) {
    case 4:
      return !blocked4.check(plain, "ipv4");
    case 6: {
      // ::ffff:a.b.c.d and 64:ff9b::/96 (NAT64) lie outside 2000::/3 and are refused too.
      return global6.check(plain, "ipv6") && !blocked6.check(plain, "ipv6");
    }
    default:
      return false;
  }
}
