import { expect, it } from "vitest";
import { Network } from "../../../src/adapters/network/network.js";
import { CallTracing, readPairs } from "../../../src/adapters/tracing/call-tracing.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { startCollector } from "../../fakes/collector.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";

it.each([
  [null, {}],
  ["", {}],
  ["api-key=k1", { "api-key": "k1" }],
  ["Authorization=Bearer%20a%3Db, x=1", { authorization: "Bearer a=b", x: "1" }],
  ["nonsense,=x,y=2", { y: "2" }],
  ["share=100%", { share: "100%" }],
])("reads the headers of OTEL_EXPORTER_OTLP_HEADERS: %s", (text, headers) => {
  expect(readPairs(text, true)).toEqual(headers);
});

it("reads attributes as they are written", () => {
  expect(readPairs("Team=a%2Cb,x=", false)).toEqual({ Team: "a,b", x: "" });
});

it.each<[string | null, string | null, object]>([
  [null, null, { "service.name": "murelay", "service.instance.id": "n/2" }],
  [null, "service.name=phones,deployment.environment=eu", { "service.name": "phones" }],
  [null, "deployment.environment=eu", { "deployment.environment": "eu" }],
  ["desk", "service.name=phones", { "service.name": "desk", "service.version": "1" }],
])("sends traces of the service %s with the attributes %s", async (name, attributes, wanted) => {
  const collector = await startCollector();
  const tracing = new CallTracing(
    {
      url: `${collector.endpoint}/own/path`,
      headers: "x-key=k",
      resourceAttributes: attributes,
      serviceName: name,
      timeoutMs: 5_000,
      ratio: 1,
      node: "n",
      worker: 2,
      version: "1",
    },
    { network: new Network(), clock: new FakeClock(), log: new FakeLog() },
  );
  const call = "CA1" as CallSid;
  const opened = { from: "+15550100", to: "+15550101", path: "media-stream", node: "n" } as const;
  const direction = "inbound" as const;
  tracing.event(call, { type: "opened", epochMs: 1_000, agent: "a", direction, ...opened });
  tracing.event(call, { type: "ended", atMs: 10, outcome: "completed", reason: "done" });
  await tracing.stop();
  collector.close();
  const [request] = collector.requests;
  expect(request).toMatchObject({ path: "/own/path", headers: { "x-key": "k" } });
  const { resource } = JSON.parse(request!.text).resourceSpans[0];
  const sent = Object.fromEntries(
    resource.attributes.map((one: { key: string; value: { stringValue: string } }) => [
      one.key,
      one.value.stringValue,
    ]),
  );
  expect(sent).toMatchObject(wanted);
});
