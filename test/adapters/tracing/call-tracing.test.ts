import { expect, it } from "vitest";
import { readHeaders } from "../../../src/adapters/tracing/call-tracing.js";

it.each([
  [null, {}],
  ["", {}],
  ["api-key=k1", { "api-key": "k1" }],
  ["Authorization=Bearer%20a%3Db, x=1", { authorization: "Bearer a=b", x: "1" }],
  ["nonsense,=x,y=2", { y: "2" }],
])("reads the headers of OTEL_EXPORTER_OTLP_HEADERS: %s", (text, headers) => {
  expect(readHeaders(text)).toEqual(headers);
});
