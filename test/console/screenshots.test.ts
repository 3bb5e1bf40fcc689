/** The pictures of pages: small, shown on a page of docs, and each written by the script. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { indexed } from "../../scripts/indexed-png.mjs";

const images = readdirSync("docs/images").filter((name) => name.endsWith(".png"));
const pages = readdirSync("docs")
  .filter((name) => name.endsWith(".md"))
  .map((name) => readFileSync(`docs/${name}`, "utf8"));
const script = readFileSync("scripts/screenshots.mjs", "utf8");

it.each(images)("%s is small, is shown in docs, and is written by npm run screenshots", (name) => {
  expect(statSync(`docs/images/${name}`).size).toBeLessThan(150_000);
  expect(pages.some((page) => page.includes(`](images/${name})`))).toBe(true);
  expect(script).toContain(`"${name.replace(".png", "")}"`);
});

function png(width: number, height: number, rows: readonly number[]): Buffer {
  const chunk = (name: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.from(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

it("a picture keeps its pixels when it is made smaller, whatever filter it came with", () => {
  const red = [255, 0, 0];
  const blue = [0, 0, 255];
  // Rows: no filter; each as the one above; from the left.
  const plain = png(2, 2, [0, ...red, ...blue, 0, ...red, ...blue]);
  const filtered = png(2, 2, [1, ...red, 1, 0, 255, 2, 0, 0, 0, 0, 0, 0]);
  const made = indexed(plain);
  expect(indexed(filtered)).toEqual(made);
  expect(made.subarray(1, 4).toString()).toBe("PNG");
  expect(made.includes(Buffer.from([...blue, ...red]))).toBe(true);
});
