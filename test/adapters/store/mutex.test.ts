import { expect, it } from "vitest";
import { Mutex } from "../../../src/adapters/store/mutex.js";

it("lets one caller in at a time, in the order in which they came", async () => {
  const mutex = new Mutex();
  const order: string[] = [];
  const enter = async (name: string) => {
    await mutex.lock();
    order.push(name);
  };
  await enter("a");
  const others = [enter("b"), enter("c")];
  await Promise.resolve();
  expect(order).toEqual(["a"]);
  mutex.unlock();
  await others[0];
  expect(order).toEqual(["a", "b"]);
  mutex.unlock();
  await others[1];
  mutex.unlock();
  await enter("d");
  expect(order).toEqual(["a", "b", "c", "d"]);
});
