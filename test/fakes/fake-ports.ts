import type { Log } from "../../src/ports/log.js";

/** A log that keeps its lines, so that a test can see what is told and what is not. */
export class FakeLog implements Log {
  readonly lines: string[];

  constructor(lines: string[] = []) {
    this.lines = lines;
  }

  child(): Log {
    return new FakeLog(this.lines);
  }
  debug(text: string, fields: object = {}): void {
    this.lines.push(`debug ${text} ${JSON.stringify(fields)}`);
  }
  info(text: string, fields: object = {}): void {
    this.lines.push(`info ${text} ${JSON.stringify(fields)}`);
  }
  warn(text: string, fields: object = {}): void {
    this.lines.push(`warn ${text} ${JSON.stringify(fields)}`);
  }
  error(text: string, fields: object = {}): void {
    this.lines.push(`error ${text} ${JSON.stringify(fields)}`);
  }
}
