import { expect, it } from "vitest";
import { OneATurn } from "../../src/http/one-a-turn.js";

const turn = async () => await new Promise((resolve) => setImmediate(resolve));

it("OneATurn runs one piece of work in each turn, in order, and no more than may wait", async () => {
  const work = new OneATurn(3);
  const done: number[] = [];
  const taken = [1, 2, 3, 4].map((n) => work.run(() => void done.push(n)));
  expect([taken, done]).toEqual([[true, true, true, false], []]);
  for (const expected of [[1], [1, 2], [1, 2, 3], [1, 2, 3]]) {
    await turn();
    expect(done).toEqual(expected);
  }
  expect(work.run(() => void done.push(5))).toBe(true);
  await turn();
  expect(done).toEqual([1, 2, 3, 5]);
});
