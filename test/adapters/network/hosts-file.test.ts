import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostsFile, parseHosts } from "../../../src/adapters/network/hosts-file.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "murelay-hosts-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("the hosts file", () => {
  it("maps every alias to its addresses, without comments and nonsense", () => {
    const names = parseHosts(
      "# top\n127.0.0.1 localhost\n10.0.0.7\tCRM.internal crm # ours\n::7 crm\nno-address x\n\n",
    );
    expect(Object.fromEntries(names)).toEqual({
      localhost: [{ address: "127.0.0.1", family: 4 }],
      "crm.internal": [{ address: "10.0.0.7", family: 4 }],
      crm: [
        { address: "10.0.0.7", family: 4 },
        { address: "::7", family: 6 },
      ],
    });
  });

  it("is read again after half a minute, and names are compared without case", async () => {
    const path = join(directory, "hosts");
    writeFileSync(path, "10.0.0.1 crm\n");
    let nowMs = 0;
    const hosts = new HostsFile(() => nowMs, path);
    expect(await hosts.find("CRM")).toEqual([{ address: "10.0.0.1", family: 4 }]);
    writeFileSync(path, "10.0.0.2 crm\n");
    nowMs = 29_999;
    expect(await hosts.find("crm")).toEqual([{ address: "10.0.0.1", family: 4 }]);
    nowMs = 30_000;
    expect(await hosts.find("crm.")).toEqual([{ address: "10.0.0.2", family: 4 }]);
    expect(await hosts.find("other")).toBeNull();
  });

  it("knows localhost also where there is no file", async () => {
    const hosts = new HostsFile(() => 0, join(directory, "none"));
    expect((await hosts.find("localhost"))?.[0]).toEqual({ address: "127.0.0.1", family: 4 });
    expect((await hosts.find("a.localhost"))?.[0]?.address).toBe("127.0.0.1");
    expect(await hosts.find("crm")).toBeNull();
  });
});
