import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspectDatabase } from "../../../src/adapters/store/inspect-database.js";
import { MIGRATIONS } from "../../../src/adapters/store/migrations.js";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { SqliteConnection } from "../../../src/adapters/store/sqlite-connection.js";
import { storeKinds } from "../../fakes/stores.js";

const ALL = MIGRATIONS.map(({ name }) => name);

describe("inspectDatabase", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-inspect-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const url = (name: string) => `sqlite:${join(folder, name)}`;

  it("finds that a file is new, and does not create it", async () => {
    expect(await inspectDatabase(url("deep/er/new.db"))).toMatchObject({
      isNew: true,
      missing: ALL,
      unknown: [],
    });
    expect(existsSync(join(folder, "deep"))).toBe(false);
    expect(await inspectDatabase("sqlite::memory:")).toMatchObject({ isNew: true });
  });

  it("reads the version of a file that is in use, and of one that is not, without leaving anything", async () => {
    const store = await openStore(url("a b#c.db"), () => {});
    const current = { isNew: false, missing: [], unknown: [] };
    expect(await inspectDatabase(url("a b#c.db"))).toMatchObject(current);
    await store.close();
    const before = readdirSync(folder);
    expect(await inspectDatabase(url("a b#c.db"))).toMatchObject(current);
    expect(readdirSync(folder)).toEqual(before);
  });

  it("names migrations that are missing, and those of a newer version", async () => {
    const store = await openStore(url("old.db"), () => {});
    await store.close();
    const connection = await SqliteConnection.open(join(folder, "old.db"));
    const query = (sql: string) =>
      connection.executeQuery({ sql, parameters: [], query: {} as never, queryId: {} as never });
    await query(`delete from murelay_migrations where name = '${ALL.at(-1)}'`);
    await query("insert into murelay_migrations values ('9999-future', 0)");
    connection.close();
    expect(await inspectDatabase(url("old.db"))).toMatchObject({
      missing: [ALL.at(-1)],
      unknown: ["9999-future"],
    });
  });

  it("refuses a file with other content", async () => {
    writeFileSync(join(folder, "notes.db"), "notes\n".repeat(500));
    await expect(inspectDatabase(url("notes.db"))).rejects.toThrow(/not a database/);
  });

  it("refuses a folder, a read-only file, and a server that is not there", async () => {
    await expect(inspectDatabase(`sqlite:${folder}`)).rejects.toThrow(/is not a file/);
    writeFileSync(join(folder, "ro.db"), "");
    chmodSync(join(folder, "ro.db"), 0o400);
    // The superuser may write everywhere.
    if (process.getuid?.() !== 0)
      await expect(inspectDatabase(url("ro.db"))).rejects.toThrow(/not writable/);
    await expect(inspectDatabase("postgres://u:p@127.0.0.1:1/db")).rejects.toMatchObject({
      code: "store_unavailable",
    });
  });
});

describe.each(storeKinds())("inspectDatabase on $name", (kind) => {
  it.skipIf(kind.skipped !== null)("sees a database before and after the first start", async () => {
    const url = await kind.newDatabase();
    expect(await inspectDatabase(url)).toMatchObject({ isNew: true, missing: ALL });
    // Looking has created nothing.
    expect(await inspectDatabase(url)).toMatchObject({ isNew: true });
    const store = await openStore(url, () => {});
    await store.close();
    expect(await inspectDatabase(url)).toMatchObject({ isNew: false, missing: [], unknown: [] });
  });

  afterAll(() => kind.dispose());
});
