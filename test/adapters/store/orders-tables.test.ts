import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OrdersTables } from "../../../src/adapters/store/orders-tables.js";
import { type OpenTables, openTables } from "../../fakes/open-tables.js";

let tables: OpenTables;
let orders: OrdersTables;
beforeEach(async () => {
  tables = await openTables();
  orders = new OrdersTables(tables.db, tables.guard);
});
afterEach(async () => await tables.close());

const WISH = { name: "Ana", date: "2026-12-01", time: "10:00", topic: null };

describe("OrdersTables", () => {
  it.each([
    ["4217", "4217"],
    [" number 4217. ", "4217"],
    ["GRACE@example.com ", expect.stringMatching(/^\d+$/)],
    ["unknown", undefined],
    ["", undefined],
  ])("finds by what a caller says: %j", async (query, number) => {
    expect((await orders.findOrder(query))?.number).toEqual(number);
  });

  it("books an hour once, with a number of its own", async () => {
    const numbers = [];
    for (const time of ["10:00", "11:00", "10:00", "12:00"])
      numbers.push(await orders.book({ ...WISH, time }));
    expect(numbers[2]).toBeNull();
    const given = numbers.filter((number) => number !== null);
    expect(new Set(given).size).toBe(3);
    for (const number of given) expect(number).toMatch(/^A\d{4}$/);
  });

  it("gives up when every number that it draws is taken", async () => {
    // Numbers differ in four digits: with all of them taken there is none left to draw.
    await sql`insert into appointments (number, name, date, time)
      with recursive n(i) as (select 1000 union all select i + 1 from n where i < 9999)
      select 'A' || i, 'x', 'd' || i, 't' from n`.execute(tables.db);
    await expect(orders.book(WISH)).rejects.toMatchObject({ code: "internal" });
  });
});
