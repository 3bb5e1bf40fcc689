import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Two busy cores: more workers than cores only make fake-clock tests wait for each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // call-path is a program of its own: it needs rounds that alternate, and the profiler.
    benchmark: {
      include: ["bench/micro/**/*.bench.ts"],
      exclude: ["bench/micro/call-path.bench.ts"],
    },
  },
});
