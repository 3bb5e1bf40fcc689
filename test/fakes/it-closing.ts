import { test } from "vitest";

/** Hands through what a test has opened, which is closed when the test ends: the last first. */
export type Closes = <Opened extends { close(): Promise<unknown> }>(opened: Opened) => Opened;

/**
 * `it` for tests that run beside each other: `afterEach` cannot tell what belongs to which of them.
 * They also need the `expect` of their own context where they poll.
 */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads here which fixtures this one needs.
export const it = test.extend("closes", ({}, { onCleanup }): Closes => {
  const opened: { close(): Promise<unknown> }[] = [];
  onCleanup(async () => {
    for (const one of opened.reverse()) await one.close();
  });
  return (one) => {
    opened.push(one);
    return one;
  };
});
