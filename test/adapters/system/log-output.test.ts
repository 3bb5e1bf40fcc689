import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { LogOutput } from "../../../src/adapters/system/log-output.js";

class FakeStream {
  writableLength = 0;
  readonly lines: string[] = [];
  fail: (error: Error) => void = () => undefined;
  write(text: string): void {
    this.lines.push(text);
  }
  on(_event: "error", run: (error: Error) => void): void {
    this.fail = run;
  }
}

describe("the output of the log", () => {
  it("loses lines while a megabyte waits to be read, and says how many", () => {
    const stream = new FakeStream();
    const output = new LogOutput(stream, { nowMs: () => 0, epochMs: () => 0 });
    output.write("a\n");
    stream.writableLength = 2 ** 20 + 1;
    for (let i = 0; i < 3; i++) output.write("lost\n");
    expect(stream.lines).toEqual(["a\n"]);
    stream.writableLength = 0;
    output.write("b\n");
    output.write("c\n");
    expect(stream.lines.slice(2)).toEqual(["b\n", "c\n"]);
    expect(JSON.parse(stream.lines[1]!)).toEqual({
      level: "warn",
      time: "1970-01-01T00:00:00.000Z",
      lines: 3,
      msg: "log: lines lost, because the output did not take them",
    });
  });

  it.each(["EPIPE", "ENOSPC", "EIO"])("goes on after %s, and tries again in a second", (code) => {
    const stream = new FakeStream();
    let nowMs = 5_000;
    const output = new LogOutput(stream, { nowMs: () => nowMs, epochMs: () => 0 });
    stream.fail(new Error(code));
    output.write("a\n");
    nowMs += 999;
    output.write("b\n");
    expect(stream.lines).toEqual([]);
    nowMs += 1;
    output.write("c\n");
    expect(JSON.parse(stream.lines[0]!)).toMatchObject({ lines: 2 });
    expect(stream.lines.slice(1)).toEqual(["c\n"]);
  });

  it("does not stop the process when it is not read", async () => {
    // Thirty writes of 64 KB: more than any pipe takes. The process ends by its own timer.
    const code = `
      const { standardOutput } = await import(process.argv[1]);
      for (let i = 0; i < 30; i++) standardOutput().write("x".repeat(65_536));
      process.exit(7);`;
    const module = new URL("../../../src/adapters/system/log-output.ts", import.meta.url).href;
    const child = spawn(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", code, module],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const [status] = await once(child, "exit");
    expect(status).toBe(7);
    child.stdout.destroy();
  }, 60_000);
});
