import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Network } from "../../../src/adapters/network/network.js";
import {
  OtlpExporter,
  type OtlpExporterOptions,
} from "../../../src/adapters/tracing/otlp-exporter.js";
import { otlpJson } from "../../../src/adapters/tracing/otlp-json.js";
import type { Span } from "../../../src/domain/span.js";
import { startCollector } from "../../fakes/collector.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";

const span = (name: string): Span => ({
  name,
  traceId: "0".repeat(31) + 1,
  spanId: "0".repeat(15) + 1,
  parentSpanId: null,
  kind: "server",
  startEpochMs: 1_000,
  endEpochMs: 1_250.4,
  attributes: { text: "a", count: 3, share: 0.5, yes: true },
  events: [{ name: "key", epochMs: 1_100 }],
  failed: true,
});
const resource = { version: "1.2.3", attributes: { "service.name": "murelay" } };

let collector: Awaited<ReturnType<typeof startCollector>>;
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(() => collector.close());

function start(options: Partial<OtlpExporterOptions> = {}) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const exporter = new OtlpExporter({
    url: new URL(`${collector.endpoint}/v1/traces`),
    headers: { authorization: "Bearer k" },
    resource,
    timeoutMs: 10_000,
    network: new Network(),
    clock,
    log,
    ...options,
  });
  return { exporter, clock, log };
}

describe("spans in OTLP's JSON", () => {
  it("have hexadecimal ids, times and whole numbers as strings, and enumerations as numbers", () => {
    const { resourceSpans } = JSON.parse(otlpJson([span("call")], resource));
    expect(resourceSpans[0].resource.attributes).toEqual([
      { key: "service.name", value: { stringValue: "murelay" } },
    ]);
    expect(resourceSpans[0].scopeSpans[0]).toMatchObject({
      scope: { name: "murelay", version: "1.2.3" },
      spans: [
        {
          traceId: "00000000000000000000000000000001",
          kind: 2,
          startTimeUnixNano: "1000000000",
          endTimeUnixNano: "1250000000",
          attributes: [
            { key: "text", value: { stringValue: "a" } },
            { key: "count", value: { intValue: "3" } },
            { key: "share", value: { doubleValue: 0.5 } },
            { key: "yes", value: { boolValue: true } },
          ],
          events: [{ name: "key", timeUnixNano: "1100000000" }],
          status: { code: 2 },
        },
      ],
    });
  });
});

describe("the exporter", () => {
  it("sends what has gathered for two seconds in one request, with the given headers", async () => {
    const { exporter, clock } = start();
    exporter.add(span("a"));
    exporter.add(span("b"));
    expect(collector.requests).toHaveLength(0);
    clock.advance(2_000);
    await expect.poll(() => collector.spans.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(collector.requests).toHaveLength(1);
    expect(collector.requests[0]).toMatchObject({
      path: "/v1/traces",
      headers: { authorization: "Bearer k", "content-type": "application/json" },
    });
    await exporter.stop();
  });

  it("sends what waits when it stops", async () => {
    const { exporter } = start();
    exporter.add(span("a"));
    await exporter.stop();
    expect(collector.spans).toHaveLength(1);
  });

  it("stops in time when the collector takes requests and never answers", async () => {
    const held = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(held, "listening");
    const { port } = held.address() as AddressInfo;
    const { exporter, clock } = start({
      url: new URL(`http://127.0.0.1:${port}/v1/traces`),
      timeoutMs: 600_000,
    });
    exporter.add(span("a"));
    clock.advance(2_000);
    await once(held, "request");
    exporter.add(span("b"));
    let isStopped = false;
    const stopped = exporter.stop().then(() => {
      isStopped = true;
    });
    await settle();
    clock.advance(4_999);
    await settle();
    expect(isStopped).toBe(false);
    clock.advance(1);
    await stopped;
    // Its sockets are closed, and no others are opened.
    await new Promise((resolve) => held.close(resolve));
    await settle();
    expect(clock.pending).toBe(0);
  });

  it("keeps spans while the collector is away, says so once, and sends them later", async () => {
    const { exporter, clock, log } = start();
    collector.answers.status = 503;
    exporter.add(span("a"));
    clock.advance(2_000);
    await expect.poll(() => log.lines).toHaveLength(1);
    clock.advance(10_000);
    await expect.poll(() => collector.requests).toHaveLength(2);
    collector.answers.status = 200;
    await exporter.stop();
    expect(collector.spans).toHaveLength(1);
    expect(log.lines.map((line) => line.replace(/ \{.*/, ""))).toEqual([
      "warn tracing: spans not delivered",
      "info tracing: collector is back",
    ]);
  });

  it("gives up spans that the collector refuses for good", async () => {
    const { exporter } = start();
    collector.answers.status = 400;
    exporter.add(span("a"));
    await exporter.stop();
    collector.answers.status = 200;
    await exporter.stop();
    expect(collector.requests).toHaveLength(1);
  });

  it("keeps no more spans than its limit", async () => {
    const { exporter } = start();
    for (let n = 0; n < 9_000; n++) exporter.add(span("a"));
    await exporter.stop();
    expect(collector.spans).toHaveLength(8_192);
  });
});
