import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { defineConfig } from "vitest/config";
import type { TestSpecification } from "vitest/node";
import { BaseSequencer } from "vitest/node";
import { buildFolder } from "./test/compiled-relay.js";

/** Tests that mostly wait: for audio in real time, for processes, for a browser. */
const WAITING = new RegExp(
  "^test/((e2e|faults|console|deploy|load|app|dev|adapters/tools)/|" +
    "cli/doctor/doctor\\.|records/record-writer-kill\\.)",
);
/** The longest of them: they begin first, so that none is left over at the end. */
const LONGEST = /\/(quick|faults-table|console|openai-schemas|provoked|tool-modules)\.test\.ts$/;
/**
 * Tests that measure memory, or the relay's own figures to some milliseconds: they begin when the
 * others have ended, each in a process of its own.
 */
const ALONE = [
  "test/**/*-allocation.test.ts",
  "test/vad/echo-gate.test.ts",
  "test/**/*-memory.test.ts",
  "test/e2e/metrics-truth.test.ts",
  // Four relays, HAProxy and PostgreSQL at once, with calls in real time.
  "test/e2e/haproxy*.test.ts",
  // Fifty calls in real time, and a browser that may skip none of their sound.
  "test/console/desk.test.ts",
];
/** True when the command line names files, and no more, of which none starts a relay. */
function startsNoRelay(argv: readonly string[]): boolean {
  const named = argv.filter((arg) => arg.startsWith("test/"));
  return (
    named.length > 0 &&
    named.every(
      (name) => /\.test\.ts$/.test(name) && !WAITING.test(name) && !/-memory\./.test(name),
    )
  );
}

/** Of the tests that compute: so many are left for the end, where they fill what the long ones leave. */
const LEFT_FOR_THE_END = 0.3;

/** What waits and what computes take turns, so that the cores are evenly busy from beginning to end. */
class TakingTurns extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isWaiting = ({ moduleId }: TestSpecification): boolean =>
      WAITING.test(relative(import.meta.dirname, moduleId));
    const isLong = ({ moduleId }: TestSpecification): number => Number(LONGEST.test(moduleId));
    const waiting = sorted.filter(isWaiting).sort((a, b) => isLong(b) - isLong(a));
    const computing = sorted.filter((file) => !isWaiting(file));
    const each = ((1 - LEFT_FOR_THE_END) * computing.length) / waiting.length;
    const turns = waiting.flatMap((file, i) => [
      file,
      ...computing.slice(Math.floor(i * each), Math.floor((i + 1) * each)),
    ]);
    return [...turns, ...computing.slice(Math.floor(waiting.length * each))];
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
    maxWorkers: 3 * availableParallelism(),
    experimental: { fsModuleCache: true },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    sequence: { sequencer: TakingTurns },
    globalSetup: startsNoRelay(process.argv) ? [] : ["test/compiled-relay.ts"],
    projects: [
      {
        extends: true,
        // One module registry for all files of a worker: a third of the time went into imports.
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: ALONE,
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: "alone", include: ALONE, sequence: { groupOrder: 1 } },
      },
    ],
    // call-path is a program of its own: it needs rounds that alternate, and the profiler.
    benchmark: {
      include: ["bench/micro/**/*.bench.ts"],
      exclude: ["bench/micro/call-path.bench.ts"],
    },
  },
});
