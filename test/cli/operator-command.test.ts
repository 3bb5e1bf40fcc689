import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { addOperator } from "../../src/cli/operator-command.js";
import { readOperators } from "../../src/config/operators-file.js";
import { FakeIo } from "../fakes/fake-io.js";

let home: string;
let file: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "murelay-operators-"));
  file = join(home, "operators.yaml");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

it("adds an operator whose printed token the file knows by its hash alone", async () => {
  const io = new FakeIo({ OPERATORS_FILE: file });
  expect(await addOperator(io, "ada", { role: "supervisor", json: true })).toBe(0);
  const { token } = JSON.parse(io.text) as { token: string };
  const [ada] = readOperators(file);
  expect(ada).toMatchObject({ name: "ada", role: "supervisor" });
  expect(ada!.tokenSha256).toBe(createHash("sha256").update(token).digest("hex"));
  expect(readFileSync(file, "utf8")).not.toContain(token);
  expect(statSync(file).mode & 0o077).toBe(0);
});

it("keeps what the file has, comments included", async () => {
  writeFileSync(file, "# ours\noperators:\n", { mode: 0o600 });
  const add = (name: string) => addOperator(new FakeIo({}), name, { role: "viewer", file });
  expect([await add("ada"), await add("ben")]).toEqual([0, 0]);
  expect(readOperators(file).map(({ name }) => name)).toEqual(["ada", "ben"]);
  expect(readFileSync(file, "utf8")).toContain("# ours");
});

it.each([
  ["a name that exists", "ada", "viewer"],
  ["a role that does not exist", "ben", "owner"],
  ["a name with a space", "a b", "viewer"],
  ["the name of ADMIN_TOKEN's operator", "admin", "viewer"],
])("refuses %s and changes nothing", async (_, name, role) => {
  await addOperator(new FakeIo({}), "ada", { role: "viewer", file });
  const before = readFileSync(file, "utf8");
  const io = new FakeIo({});
  expect(await addOperator(io, name, { role, file })).toBe(2);
  expect([readFileSync(file, "utf8"), io.lines]).toEqual([before, []]);
});

it("says how to name the file when none is set", async () => {
  const io = new FakeIo({});
  expect(await addOperator(io, "ada", { role: "viewer" })).toBe(2);
  expect(io.errors.join("")).toContain("OPERATORS_FILE");
});
