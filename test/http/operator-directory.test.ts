import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { OperatorDirectory } from "../../src/http/operator-directory.js";

const ada = {
  name: "ada",
  role: "supervisor" as const,
  tokenSha256: createHash("sha256").update("ada's").digest("hex"),
};

it("knows operators by token and by name, and ADMIN_TOKEN as the admin", () => {
  const directory = new OperatorDirectory("admin's", [ada]);
  expect(directory.withToken("ada's")).toEqual(ada);
  expect(directory.withToken("admin's")).toMatchObject({ name: "admin", role: "admin" });
  expect(directory.withName("ada")).toEqual(ada);
  for (const token of ["", "ada", ada.tokenSha256]) expect(directory.withToken(token)).toBeNull();
});

it("is open only while no token exists, and forgets who is no longer in the file", () => {
  expect(new OperatorDirectory(null, []).isOpen).toBe(true);
  const directory = new OperatorDirectory(null, [ada]);
  expect(directory.isOpen).toBe(false);
  directory.replace([]);
  expect(directory.withToken("ada's")).toBeNull();
});
