import { describe, expect, it } from "vitest";
import { withRelayErrors } from "../../../src/adapters/store/guard.js";
import { RelayError } from "../../../src/domain/errors.js";

const failWith = async (error: unknown) =>
  await withRelayErrors(async () => {
    throw error;
  });
const withCode = (code: string) => Object.assign(new Error("x"), { code });

describe("withRelayErrors", () => {
  it("returns what the work returns", async () => {
    expect(await withRelayErrors(async () => 7)).toBe(7);
  });

  it.each([
    // PostgreSQL: syntax, constraint and data errors.
    "42601",
    "23505",
    "22P02",
    "SQLITE_ERROR",
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_TOOBIG",
  ])("blames the statement: %s", async (code) => {
    await expect(failWith(withCode(code))).rejects.toMatchObject({
      code: "internal",
      retryable: false,
    });
  });

  it.each([
    // PostgreSQL: out of disk, out of connections, shutting down, deadlock.
    "53100",
    "53300",
    "57P01",
    "40P01",
    "ECONNREFUSED",
    "SQLITE_BUSY",
    "SQLITE_FULL",
    "SQLITE_IOERR_WRITE",
    "SQLITE_READONLY_DBMOVED",
  ])("calls the database away: %s", async (code) => {
    await expect(failWith(withCode(code))).rejects.toMatchObject({
      code: "store_unavailable",
      retryable: true,
      message: expect.stringContaining(code),
    });
  });

  it.each(["no code", null, { code: 7 }])("calls the database away: %j", async (error) => {
    await expect(failWith(error)).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("passes RelayErrors on", async () => {
    const error = new RelayError("limit_exceeded", "x");
    await expect(failWith(error)).rejects.toBe(error);
  });
});
