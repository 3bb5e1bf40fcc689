import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Two busy cores: more workers than cores only make fake-clock tests wait for each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    benchmark: { include: ["bench/micro/**/*.bench.ts"] },
  },
});
