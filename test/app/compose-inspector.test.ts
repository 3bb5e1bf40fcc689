import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { FlightFiles } from "../../src/adapters/journal/flight-files.js";
import { composeInspector } from "../../src/app/compose-inspector.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

it("the inspector has the timeline, the flight recording and both kinds of sound", async () => {
  const inspector = composeInspector({
    find: async () => null,
    flights: new FlightFiles(tmpdir(), "a/0", new FakeLog()),
    directory: tmpdir(),
    clock: new FakeClock(),
    source: null,
  });
  expect(inspector.routes.map(({ path }) => path.split("/").at(-1))).toEqual([
    ...["timeline", "flight", "recording", "audio"],
  ]);
  await inspector.close();
});
