import assert from "node:assert/strict";
import { test } from "node:test";
import orderStatus from "./order-status.mjs";

test("an order is found by its number", async () => {
  const { output } = await orderStatus.run({ order: "4217" });
  assert.equal(output.status, "on its way");
});

test("an unknown order is said to be unknown", async () => {
  const { output } = await orderStatus.run({ order: "9999" });
  assert.match(output.problem, /no such order/);
});
