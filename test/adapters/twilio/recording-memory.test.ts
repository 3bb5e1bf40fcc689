import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { makeCertificate } from "../../fakes/certificate.js";
import { wavHeader } from "../../fakes/make-wav.js";
import { peer } from "../../fakes/media-peers.js";

const FETCHER = fileURLToPath(new URL("../../fakes/recording-fetcher.ts", import.meta.url));
const SECONDS = 3_600;

/** An hour of dual 16-bit audio, made while it is sent; no two seconds are alike. */
function* audio(): Generator<Buffer> {
  yield wavHeader(2, SECONDS * 8_000);
  for (let i = 0; i < SECONDS; i++) {
    const second = Buffer.alloc(32_000, i & 0xff);
    second.writeUInt32LE(i, 0);
    yield second;
  }
}

function sendRecording(response: ServerResponse): void {
  Readable.from(audio()).pipe(response);
}

async function digestOf(pieces: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

describe("memory", () => {
  const directory = mkdtempSync(join(tmpdir(), "murelay-memory-"));
  const tls = makeCertificate(directory);
  const sent = digestOf(audio());
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each([
    ["one after the other", "in-turn", undefined],
    ["both at once, encrypted", "at-once", tls],
  ])(
    "two recordings of an hour pass through a fresh process with less than 20 MB more: %s",
    {
      timeout: 120_000,
    },
    async (_, order, secured) => {
      let transcribedBytes = 0;
      const twilio = await peer((_request, response) => sendRecording(response), secured);
      const openAi = await peer((request, response) => {
        request.on("data", (chunk: Buffer) => {
          transcribedBytes += chunk.length;
        });
        request.on("end", () =>
          response.end(JSON.stringify({ text: "x", words: [{ word: "x", start: 0, end: 1 }] })),
        );
      }, secured);
      const child = spawn(
        process.execPath,
        ["--import", "tsx", FETCHER, twilio.url, openAi.url, directory, order],
        {
          stdio: ["ignore", "pipe", "inherit"],
          env: {
            ...process.env,
            ...(secured === undefined ? {} : { NODE_EXTRA_CA_CERTS: secured.certFile }),
          },
        },
      );
      let printed = "";
      child.stdout.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
      });
      const [code] = await once(child, "exit");
      await twilio.close();
      await openAi.close();
      expect(code).toBe(0);
      for (const file of ["RE1.wav", "RE2.wav"]) {
        expect(await digestOf(createReadStream(join(directory, file)))).toBe(await sent);
      }
      expect(transcribedBytes).toBeGreaterThan(2 * SECONDS * 32_000);
      expect(Number(printed)).toBeLessThan(20 * 1024 * 1024);
    },
  );
});
