import type { ResolvedAddress } from "../../src/adapters/network/hosts-file.js";
import { type HostResolver, lookupBy } from "../../src/adapters/network/name-resolver.js";

/** A resolver that knows what a test tells it. */
export function fakeResolver(
  resolve: (host: string) => Promise<readonly ResolvedAddress[]>,
): HostResolver {
  return { resolve, lookup: lookupBy(resolve) };
}

/** Every name is this machine. */
export const loopbackResolver = fakeResolver(async () => [{ address: "127.0.0.1", family: 4 }]);
