import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TwilioRecordings } from "../../../src/adapters/twilio/recordings.js";
import { type Peer, peer } from "../../fakes/media-peers.js";

describe("TwilioRecordings", () => {
  let directory: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let twilio: Peer;
  let asked: { method: string; url: string; authorization: string | undefined }[];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "murelay-recordings-"));
    asked = [];
    twilio = await peer((request, response) => {
      asked.push({
        method: request.method ?? "",
        url: request.url ?? "",
        authorization: request.headers.authorization,
      });
      answer(request, response);
    });
  });
  afterEach(async () => {
    await twilio.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const source = (maxBytes?: number) =>
    new TwilioRecordings({
      baseUrl: twilio.url,
      accountSid: "AC1",
      user: "SK1",
      password: "secret",
      directory,
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });

  it("fetches both channels with credentials, and only its owner may read the file", async () => {
    answer = (_, response) => response.end("RIFF…");
    expect(await source().download("RE1", "dual")).toBe("RE1.wav");
    expect(asked).toEqual([
      {
        method: "GET",
        url: "/2010-04-01/Accounts/AC1/Recordings/RE1.wav?RequestedChannels=2",
        authorization: `Basic ${Buffer.from("SK1:secret").toString("base64")}`,
      },
    ]);
    expect(await readFile(join(directory, "RE1.wav"), "utf8")).toBe("RIFF…");
    expect((await stat(join(directory, "RE1.wav"))).mode & 0o777).toBe(0o600);
  });

  it("shows its credentials to no other host", async () => {
    const seen: (string | undefined)[] = [];
    const storage = await peer((request, response) => {
      seen.push(request.headers.authorization);
      response.end("audio");
    });
    answer = (_, response) => response.writeHead(302, { location: `${storage.url}/signed` }).end();
    await source().download("RE1", "mono");
    expect(seen).toEqual([undefined]);
    expect(await readFile(join(directory, "RE1.wav"), "utf8")).toBe("audio");
    await storage.close();
  });

  it.each([
    [404, "twilio_unavailable", true],
    [401, "twilio_unauthorized", false],
    [429, "twilio_busy", true],
    [503, "twilio_unavailable", true],
    [400, "twilio_rejected", false],
  ])("answers %i with %s, retryable: %s, and leaves no file", async (status, code, retryable) => {
    answer = (_, response) => response.writeHead(status).end("no");
    await expect(source().download("RE1", "dual")).rejects.toMatchObject({ code, retryable });
    expect(await readdir(directory)).toEqual([]);
  });

  it("takes no more than its limit, declared or not", async () => {
    answer = (_, response) =>
      response.writeHead(200, { "content-length": 100 }).end("x".repeat(100));
    await expect(source(99).download("RE1", "dual")).rejects.toMatchObject({
      code: "limit_exceeded",
      retryable: false,
    });
    answer = (_, response) => {
      response.write("x".repeat(60));
      response.end("x".repeat(60));
    };
    await expect(source(99).download("RE1", "dual")).rejects.toMatchObject({
      code: "limit_exceeded",
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it("tries again after a broken line, and goes round in no circle", async () => {
    answer = (_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("half");
      setImmediate(() => response.destroy());
    };
    await expect(source().download("RE1", "dual")).rejects.toMatchObject({ retryable: true });
    answer = (request, response) => response.writeHead(302, { location: request.url ?? "/" }).end();
    await expect(source().download("RE1", "dual")).rejects.toMatchObject({
      code: "twilio_rejected",
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it("reads parts of what it has, and nothing outside of its directory", async () => {
    await writeFile(join(directory, "RE1.wav"), "0123456789");
    const part = async (file: string, from: number, max: number) => {
      const read = await source().read(file, from, max);
      return read === null ? null : [Buffer.from(read.bytes).toString(), read.sizeBytes];
    };
    expect(await part("RE1.wav", 2, 3)).toEqual(["234", 10]);
    expect(await part("RE1.wav", 8, 100)).toEqual(["89", 10]);
    expect(await part("RE1.wav", 10, 1)).toEqual(["", 10]);
    expect(await part("RE2.wav", 0, 1)).toBeNull();
    await expect(source().read("../x", 0, 1)).rejects.toMatchObject({ code: "internal" });
  });

  it("removes at Twilio and here; what is gone is removed", async () => {
    answer = (_, response) => response.writeHead(204).end();
    await source().removeRemote("RE1");
    expect(asked[0]).toMatchObject({
      method: "DELETE",
      url: "/2010-04-01/Accounts/AC1/Recordings/RE1.json",
    });
    answer = (_, response) => response.writeHead(404).end();
    await source().removeRemote("RE1");
    answer = (_, response) => response.writeHead(500).end();
    await expect(source().removeRemote("RE1")).rejects.toMatchObject({ retryable: true });
    await writeFile(join(directory, "RE1.wav"), "");
    await source().removeFile("RE1.wav");
    await source().removeFile("RE1.wav");
    expect(await readdir(directory)).toEqual([]);
    await expect(source().removeFile("../x")).rejects.toMatchObject({ code: "internal" });
  });
});
