import { expect, it } from "vitest";
import { shareOf } from "../../bench/load/perf-share.js";

const SOURCES = /\/src\/records\//;

async function* lines(text: string): AsyncGenerator<string> {
  yield* text.split("\n");
}

it("counts samples with a source on the stack, and what other threads write", async () => {
  const share = await shareOf(
    lines(`node 7
	ffff tcp_sendmsg ([kernel.kallsyms])
	10 JS:*frame file:///src/vad/a.ts:1 (/x/jitted-7-1.so)

node 7
	ffff vfs_write ([kernel.kallsyms])
	10 JS:*hold file:///src/adapters/last-words.ts:2 (/x/jitted-7-2.so)
	20 JS:*write file:///src/records/recorder.ts:1 (/x/jitted-7-3.so)
	10 JS:*frame file:///src/vad/a.ts:1 (/x/jitted-7-1.so)

node 8
	ffff vfs_write ([kernel.kallsyms])
	abcd worker (/usr/bin/node)

node 9
	abcd v8::internal::Scavenger::Process(int) (/usr/bin/node)

tokio-runtime-w 10
	abcd [unknown] (/x/libsql.node)`),
    7,
    SOURCES,
  );
  expect(share).toEqual({
    samples: 5,
    main: 1,
    threads: 2,
    functions: [["JS:*write file:///src/records/recorder.ts:1", 1]],
  });
});
