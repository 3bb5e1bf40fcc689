import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { wavHeader } from "../support/make-wav.js";
import { peer } from "../support/media-peers.js";

const FETCHER = fileURLToPath(new URL("../support/recording-fetcher.ts", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "murelay-memory-"));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** `seconds` of dual 16-bit audio, made while it is sent. */
function sendRecording(response: ServerResponse, seconds: number): void {
  const second = Buffer.alloc(32_000, 1);
  function* audio() {
    yield wavHeader(2, seconds * 8_000);
    for (let i = 0; i < seconds; i++) yield second;
  }
  Readable.from(audio()).pipe(response);
}

it("two recordings of an hour pass through with less than 20 MB more memory", {
  timeout: 120_000,
}, async () => {
  let transcribedBytes = 0;
  const twilio = await peer((request, response) => {
    sendRecording(response, request.url?.includes("RE0") === true ? 2_000 : 3_600);
  });
  const openAi = await peer((request, response) => {
    request.on("data", (chunk: Buffer) => {
      transcribedBytes += chunk.length;
    });
    request.on("end", () =>
      response.end(JSON.stringify({ text: "x", words: [{ word: "x", start: 0, end: 1 }] })),
    );
  });
  const child = spawn(process.execPath, ["--import", "tsx", FETCHER, twilio.url, openAi.url, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const [code] = await once(child, "exit");
  await twilio.close();
  await openAi.close();
  expect(code).toBe(0);
  expect(transcribedBytes).toBeGreaterThan((2 * 3_600 + 2_000) * 32_000);
  expect(Number(printed)).toBeLessThan(20 * 1024 * 1024);
});
