/** Whose token it is. Tokens are known by their SHA-256 only; they are long and random. */
import { createHash } from "node:crypto";
import type { Operator } from "../domain/operator.js";

/** An operator of OPERATORS_FILE. */
export interface NamedOperator extends Operator {
  /** SHA-256 of the token, in lower-case hex. */
  readonly tokenSha256: string;
}

/** The operator of ADMIN_TOKEN and, where no token is set, everyone on this machine. */
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

  /** OPERATORS_FILE has changed. */
  replace(named: readonly NamedOperator[]): void {
    const admin =
      this.#adminToken === null ? [] : [{ ...ADMIN, tokenSha256: sha256(this.#adminToken) }];
    const all = [...named, ...admin];
    this.#byDigest = new Map(all.map((one) => [one.tokenSha256, one]));
    this.#byName = new Map(all.map((one) => [one.name, one]));
  }

  /** No token exists: only this machine is let in, and needs none. */
  get isOpen(): boolean {
    return this.#byDigest.size === 0;
  }

  /** By digest, so that the time it takes tells nothing about a token. */
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
