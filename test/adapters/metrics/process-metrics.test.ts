import { describe, expect, it } from "vitest";
import { ProcessMetrics } from "../../../src/adapters/metrics/process-metrics.js";

describe("process metrics", () => {
  it("hold CPU, memory and open files, and nothing that lists all sockets", async () => {
    const text = await new ProcessMetrics("2").scrape();
    for (const name of [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "nodejs_heap_size_used_bytes",
    ])
      expect(text).toMatch(new RegExp(`^${name}\\{worker="2"\\} \\d`, "m"));
    if (process.platform === "linux")
      expect(text).toMatch(/^process_open_fds\{worker="2"\} [1-9]\d*$/m);
    expect(text).not.toMatch(/nodejs_(?:active|eventloop_lag)_/);
  });
});
