import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import type { TestSpecification } from "vitest/node";
import { BaseSequencer } from "vitest/node";
import { buildFolder } from "./test/compiled-relay.js";

/** Tests that mostly wait: for audio in real time, for processes, for a browser. */
const WAITING = [
  "test/e2e/**/*.test.ts",
  "test/faults/**/*.test.ts",
  "test/console/**/*.test.ts",
  "test/deploy/**/*.test.ts",
  "test/load/**/*.test.ts",
  "test/app/**/*.test.ts",
  "test/dev/**/*.test.ts",
  "test/cli/doctor/doctor.test.ts",
  "test/records/record-writer-kill.test.ts",
  "test/adapters/tools/*.test.ts",
  // They do not wait. After their random bytes V8 may leave the detector's code unoptimised in that
  // process, where other files measure what it allocates.
  "test/vad/**/*.test.ts",
];
/**
 * Tests that measure memory, or the relay's own figures to some milliseconds: they begin when the
 * others have ended.
 */
const ALONE = [
  "test/vad/vad-allocation.test.ts",
  "test/vad/echo-gate.test.ts",
  "test/**/*-memory.test.ts",
  "test/e2e/metrics-truth.test.ts",
  // Four relays, HAProxy and PostgreSQL at once, with calls in real time.
  "test/e2e/haproxy*.test.ts",
  // Fifty calls in real time, and a browser that may skip none of their sound.
  "test/console/desk.test.ts",
];

/** What waits begins first, the longest files before the others, so that the cores are busy to the end. */
class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const waits = (file: TestSpecification) => file.project.name === "waiting";
    return [...sorted.filter(waits), ...sorted.filter((file) => !waits(file))];
  }
}

/** The relay's own processes and threads are started compiled, in the sources' place. */
const compiledParts = {
  name: "compiled parts",
  enforce: "pre" as const,
  resolveId(id: string, importer: string | undefined): string | undefined {
    if (!id.endsWith("/program-part.js") || importer?.startsWith(resolve("src")) !== true) return;
    return resolve("test/fakes/compiled-part.ts");
  },
};

export default defineConfig({
  plugins: [compiledParts],
  test: {
    provide: { compiledRelay: buildFolder() },
    // Most tests wait most of the time.
    maxWorkers: 3 * availableParallelism(),
    experimental: { fsModuleCache: true },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    sequence: { sequencer: WaitingFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "waiting",
          include: WAITING,
          exclude: ALONE,
          isolate: false,
          globalSetup: "test/compiled-relay.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ALONE,
          sequence: { groupOrder: 1 },
          globalSetup: "test/compiled-relay.ts",
        },
      },
      {
        extends: true,
        // One module registry for all files of a worker: a third of the time went into imports.
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...WAITING, ...ALONE],
          isolate: false,
        },
      },
    ],
    // call-path is a program of its own: it needs rounds that alternate, and the profiler.
    benchmark: {
      include: ["bench/micro/**/*.bench.ts"],
      exclude: ["bench/micro/call-path.bench.ts"],
    },
  },
});
