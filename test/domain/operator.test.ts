import { expect, it } from "vitest";
import { hasRole, OPERATOR_ROLES } from "../../src/domain/operator.js";

it("a role allows what the roles below it allow, and no more", () => {
  const allowed = OPERATOR_ROLES.map((role) =>
    OPERATOR_ROLES.filter((least) => hasRole({ name: "ada", role }, least)),
  );
  expect(allowed).toEqual([
    ["viewer"],
    ["viewer", "supervisor"],
    ["viewer", "supervisor", "admin"],
  ]);
});
