import { describe, expect, it } from "vitest";
import type { ResolvedAddress } from "../../../src/adapters/network/hosts-file.js";
import { NameResolver, type NameServers } from "../../../src/adapters/network/name-resolver.js";
import { FakeClock } from "../../fakes/fake-clock.js";

const failure = (code: string) => Object.assign(new Error(code), { code });
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const settle = () => new Promise((resolve) => setImmediate(resolve));

interface World {
  v4: NameServers["resolve4"];
  v6: NameServers["resolve6"];
  system: (host: string) => Promise<readonly ResolvedAddress[]>;
}

function resolverWith(changes: Partial<World>) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const world: World = {
    v4: () => Promise.reject(failure("ENODATA")),
    v6: () => Promise.reject(failure("ENODATA")),
    system: () => Promise.reject(failure("ENOTFOUND")),
    ...changes,
  };
  const resolver = new NameResolver({
    clock,
    nameServers: {
      resolve4: (host, options) => {
        asked.push(`A ${host}`);
        return world.v4(host, options);
      },
      resolve6: (host, options) => {
        asked.push(`AAAA ${host}`);
        return world.v6(host, options);
      },
    },
    hosts: { find: async (host) => (host === "localhost" ? [V4("127.0.0.1")] : null) },
    system: (host) => {
      asked.push(`system ${host}`);
      return world.system(host);
    },
  });
  return { resolver, clock, asked, world };
}

const V4 = (address: string): ResolvedAddress => ({ address, family: 4 });
const V6 = (address: string): ResolvedAddress => ({ address, family: 6 });
const record = (address: string, ttl = 60) => [{ address, ttl }];

describe("names to addresses", () => {
  it("takes addresses as they are, and local names from the hosts file", async () => {
    const { resolver, asked } = resolverWith({});
    expect(await resolver.resolve("10.0.0.1")).toEqual([V4("10.0.0.1")]);
    expect(await resolver.resolve("fd00::1")).toEqual([V6("fd00::1")]);
    expect(await resolver.resolve("localhost")).toEqual([V4("127.0.0.1")]);
    expect(asked).toEqual([]);
  });

  it("asks for both families at once", async () => {
    const { resolver, asked } = resolverWith({
      v4: async () => record("1.1.1.1"),
      v6: async () => record("2606::1"),
    });
    expect(await resolver.resolve("a.example")).toEqual([V4("1.1.1.1"), V6("2606::1")]);
    expect(asked).toEqual(["A a.example", "AAAA a.example"]);
  });

  it("waits 50 ms for the other family and no longer", async () => {
    const { resolver, clock } = resolverWith({ v4: async () => record("1.1.1.1"), v6: never });
    const found = resolver.resolve("a.example");
    await settle();
    clock.advance(50);
    expect(await found).toEqual([V4("1.1.1.1")]);
  });

  it("asks once for callers who come at the same time, and remembers for the time to live", async () => {
    const { resolver, clock, asked } = resolverWith({ v4: async () => record("1.1.1.1", 60) });
    await Promise.all([resolver.resolve("a.example"), resolver.resolve("a.example")]);
    clock.advance(59_999);
    await resolver.resolve("a.example");
    expect(asked).toHaveLength(2);
    clock.advance(1);
    await resolver.resolve("a.example");
    expect(asked).toHaveLength(4);
  });

  it.each([
    [0, 5_000],
    [86_400, 300_000],
  ])("treats a time to live of %i s as %i ms", async (ttl, ms) => {
    const { resolver, clock, asked } = resolverWith({ v4: async () => record("1.1.1.1", ttl) });
    await resolver.resolve("a.example");
    clock.advance(ms - 1);
    await resolver.resolve("a.example");
    expect(asked).toHaveLength(2);
    clock.advance(1);
    await resolver.resolve("a.example");
    expect(asked).toHaveLength(4);
  });

  it("fails after 3 s when no server answers, and asks no thread", async () => {
    const { resolver, clock, asked } = resolverWith({ v4: never, v6: never });
    const failed = expect(resolver.resolve("a.example")).rejects.toMatchObject({
      code: "ETIMEOUT",
    });
    await settle();
    clock.advance(3_000);
    await failed;
    expect(asked).not.toContain("system a.example");
  });

  it("goes on with known addresses for an hour while the servers fail", async () => {
    const { resolver, clock, world } = resolverWith({ v4: async () => record("1.1.1.1") });
    await resolver.resolve("a.example");
    world.v4 = () => Promise.reject(failure("ETIMEOUT"));
    clock.advance(3_599_000);
    expect(await resolver.resolve("a.example")).toEqual([V4("1.1.1.1")]);
    clock.advance(1_001);
    await expect(resolver.resolve("a.example")).rejects.toMatchObject({ code: "ETIMEOUT" });
  });

  it("asks the system for a name that no server knows", async () => {
    const { resolver } = resolverWith({ system: async () => [V4("10.0.0.9")] });
    expect(await resolver.resolve("crm")).toEqual([V4("10.0.0.9")]);
  });

  it("asks the system for one name at a time, so that threads stay free", async () => {
    const { resolver, clock, asked } = resolverWith({ system: never });
    const names = ["a", "b", "c", "d"].map((name) =>
      resolver.resolve(name).catch((error: unknown) => error),
    );
    await settle();
    expect(asked.filter((line) => line.startsWith("system"))).toEqual(["system a"]);
    clock.advance(3_000);
    const failed = await Promise.all(names);
    expect(failed).toEqual(Array(4).fill(expect.objectContaining({ code: "ETIMEOUT" })));
    await settle();
    expect(asked.filter((line) => line.startsWith("system"))).toEqual(["system a"]);
  });

  it("answers connect() in the form it asks for", async () => {
    const { resolver } = resolverWith({
      v4: async () => record("1.1.1.1"),
      v6: async () => record("2606::1"),
    });
    const look = (options: { all?: boolean; family?: number }) =>
      new Promise((resolve) => {
        resolver.lookup("a.example", options, (error, address, family) =>
          resolve(error === null ? [address, family] : error.code),
        );
      });
    expect(await look({})).toEqual(["1.1.1.1", 4]);
    expect(await look({ family: 6 })).toEqual(["2606::1", 6]);
    expect(await look({ all: true })).toEqual([[V4("1.1.1.1"), V6("2606::1")], undefined]);
  });
});
