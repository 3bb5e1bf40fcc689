/** Finds the operator of a token. Tokens are long and random, and only their SHA-256 is kept. */
import { createHash } from "node:crypto";
import type { Operator } from "../domain/operator.js";

/** An operator of OPERATORS_FILE. */
export interface NamedOperator extends Operator {
  /** SHA-256 of the token, in lower-case hex. */
  readonly tokenSha256: string;
}

/** The operator of ADMIN_TOKEN. If no token is set, everyone on this machine. */
export const ADMIN: Operator = { name: "admin", role: "admin" };

export class OperatorDirectory {
  readonly #adminToken: string | null;
  #byDigest: ReadonlyMap<string, NamedOperator> = new Map();
  #byName: ReadonlyMap<string, NamedOperator> = new Map();

  /** @param adminToken  ADMIN_TOKEN; null: it is not set. */
  constructor(adminToken: string | null, named: readonly NamedOperator[]) {
    this.#adminToken = adminToken;
    this.replace(named);
  }

  /** Replaces the operators after a change of OPERATORS_FILE. */
  replace(named: readonly NamedOperator[]): void {
    const admin =
      this.#adminToken === null ? [] : [{ ...ADMIN, tokenSha256: sha256(this.#adminToken) }];
    const all = [...named, ...admin];
    this.#byDigest = new Map(all.map((one) => [one.tokenSha256, one]));
    this.#byName = new Map(all.map((one) => [one.name, one]));
  }

  /** No token is set: only this machine is let in, without a token. */
  get isOpen(): boolean {
    return this.#byDigest.size === 0;
  }

  /** Looks the digest up, so that the time that it takes reveals nothing about a token. */
  withToken(token: string): NamedOperator | null {
    return this.#byDigest.get(sha256(token)) ?? null;
  }

  withName(name: string): NamedOperator | null {
    return this.#byName.get(name) ?? null;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
