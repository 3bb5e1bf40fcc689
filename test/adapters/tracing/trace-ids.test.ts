import { describe, expect, it } from "vitest";
import { TraceIds } from "../../../src/adapters/tracing/trace-ids.js";
import type { CallSid } from "../../../src/domain/ids.js";

const sid = (n: number) => `CA${n.toString(16).padStart(32, "0")}` as CallSid;

describe("trace ids", () => {
  it("are the same for a call in every process, and differ between calls", () => {
    expect(new TraceIds(1).of(sid(1))).toEqual(new TraceIds(0.5).of(sid(1)));
    expect(new TraceIds(1).of(sid(1)).traceId).not.toBe(new TraceIds(1).of(sid(2)).traceId);
  });

  it("make a header of W3C Trace Context", () => {
    const { traceId, rootId } = new TraceIds(1).of(sid(1));
    expect(new TraceIds(1).traceparent(sid(1))).toBe(`00-${traceId}-${rootId}-01`);
    expect(new TraceIds(0).traceparent(sid(1))).toBe(`00-${traceId}-${rootId}-00`);
    expect(new TraceIds(1).traceparent(sid(1))).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it("choose the given share of calls", () => {
    const ids = new TraceIds(0.25);
    const sampled = Array.from({ length: 4_000 }, (_, n) => ids.isSampled(sid(n))).filter(Boolean);
    expect(sampled.length).toBeGreaterThan(850);
    expect(sampled.length).toBeLessThan(1_150);
  });

  it("make span ids that differ", () => {
    const ids = new TraceIds(1);
    const made = Array.from({ length: 100 }, () => ids.next());
    expect(new Set(made).size).toBe(100);
    expect(made.every((id) => /^[0-9a-f]{16}$/.test(id))).toBe(true);
  });
});
