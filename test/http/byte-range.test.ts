import { expect, it } from "vitest";
import { rangedReply } from "../../src/http/byte-range.js";

const FILE = Buffer.from("0123456789");
const read = async (from: number, max: number) => ({
  bytes: FILE.subarray(from, from + max),
  sizeBytes: FILE.length,
});

it.each([
  ["", 200, "0123456789", undefined],
  ["bytes=2-4", 206, "234", "bytes 2-4/10"],
  ["bytes=2-", 206, "2345", "bytes 2-5/10"],
  ["bytes=8-20", 206, "89", "bytes 8-9/10"],
])("Range %j of a file is answered with %i and %j", async (range, status, body, told) => {
  const reply = await rangedReply(range, "audio/wav", read, 4);
  const parts: Buffer[] = [];
  for await (const part of reply?.chunks ?? []) parts.push(Buffer.from(part));
  const whole = Buffer.concat(parts).toString() + (reply?.body ?? "");
  expect([reply?.status, whole, reply?.headers?.["Content-Range"]]).toEqual([status, body, told]);
});

it("a part beyond the end is refused, and a file that has gone is none", async () => {
  const beyond = await rangedReply("bytes=10-", "audio/wav", read, 4);
  expect([beyond?.status, beyond?.headers?.["Content-Range"]]).toEqual([416, "bytes */10"]);
  expect(await rangedReply("", "audio/wav", async () => null, 4)).toBeNull();
});

it("a file that goes while it is sent ends the connection, so that its reader notices", async () => {
  const gone = async (from: number, max: number) => (from === 0 ? await read(0, max) : null);
  const reply = await rangedReply("", "audio/wav", gone, 4);
  const all = async () => {
    for await (const _ of reply?.chunks ?? []);
  };
  await expect(all()).rejects.toThrow("gone");
});
