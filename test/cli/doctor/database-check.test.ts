import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { checkDatabase } from "../../../src/cli/doctor/database-check.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-database-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const check = async (databaseUrl: string) => {
  const { severity, text, fix } = await checkDatabase({ databaseUrl });
  return `${severity} ${text}${fix === null ? "" : ` | ${fix}`}`;
};
async function migrated(...changes: readonly string[]): Promise<string> {
  const file = join(folder, "records.db");
  await (await openStore(`sqlite:${file}`, () => undefined)).close();
  const client = new Database(file);
  for (const change of changes) client.exec(change);
  client.close();
  return `sqlite:${file}`;
}

describe("the check of the database", () => {
  it("creates nothing: a new one is serve's to make", async () => {
    const url = `sqlite:${join(folder, "new.db")}`;
    expect(await check(url)).toMatch(/^ok .*: new; serve creates the tables/);
    expect(await check(url)).toMatch(/: new;/);
  });

  it.each([
    ["is up to date", [], /^ok .*: tables up to date$/],
    [
      "lacks a migration",
      ["delete from murelay_migrations where name = '0001-records'"],
      /^ok .*: serve will apply 0001-records at start$/,
    ],
    [
      "was changed by a newer version",
      ["insert into murelay_migrations values ('9999-later', 0)"],
      /^warn .* newer version \(9999-later\) \| run that version/,
    ],
  ])("reads whether it %s", async (_, changes, found) => {
    expect(await check(await migrated(...changes))).toMatch(found);
  });

  it.each(["oracle:x", "sqlite:/dev/null/x.db", "postgres://relay@127.0.0.1:1/x"])(
    "fails on %s",
    async (url) => {
      expect(await check(url)).toMatch(/^fail .* \| check DATABASE_URL$/);
    },
  );
});
