import { expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import { flightRoute } from "../../src/http/flight-route.js";
import { emptyRecord } from "../../src/records/record.js";

const LINES = [
  '{"at":0,"is":"writer","writer":"a"}',
  '{"at":0,"is":"call","format":1,"murelay":"1","node":"n","epochMs":1100,"parties":{}}',
  '{"at":10,"in":"phone","message":{"event":"start"}}',
  '{"at":0,"is":"writer","writer":"b"}',
  '{"at":0,"is":"call","format":1,"murelay":"1","node":"n","epochMs":1500,"parties":{}}',
  '{"at":10.5,"out":"phone","message":{"event":"clear"}}',
  '{"at":0,"is":"writer","writer":"a"}',
  '{"at":90,"in":"clock","event":"tick"}',
];
const route = flightRoute({
  find: async (callSid) => ({
    ...emptyRecord(callSid),
    startedAt: "1970-01-01T00:00:01.000Z",
  }),
  flight: async (callSid) => (callSid === ("CA1" as CallSid) ? lines() : null),
});
async function* lines() {
  yield* LINES;
}

async function ask(query: string, callSid = "CA1") {
  const reply = await route.handle({
    head: { method: "GET", path: "", query: "", address: "", header: () => "" },
    operator: { name: "ada", role: "supervisor" },
    hasEnded: async () => false,
    params: { callSid },
    query: new URLSearchParams(query),
    body: null,
  });
  let text = "";
  for await (const part of reply.chunks ?? []) text += String(part);
  return { status: reply.status, lines: text.split("\n").slice(0, -1) };
}

it("a flight recording is given as it is, to supervisors, and each time is audited", async () => {
  expect((await ask("")).lines).toEqual(LINES);
  expect([route.access, route.audit]).toEqual(["supervisor", "flight_recording"]);
});

it.each([
  ["fromMs=105&toMs=200", [2, 7]],
  ["fromMs=200", [5]],
  ["toMs=115", [2]],
  ["fromMs=900", []],
])("with %s its lines of that time, whichever process wrote them", async (query, which) => {
  expect((await ask(query)).lines).toEqual(which.map((i) => LINES[i]));
});

it("is refused for a call without one and for a time that is none", async () => {
  expect((await ask("", "CA2")).status).toBe(404);
  expect((await ask("", "x")).status).toBe(404);
  expect((await ask("fromMs=x")).status).toBe(400);
});
