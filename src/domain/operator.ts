/** The people who use the operator listener. */

/** From the least to the most that a role allows. */
export const OPERATOR_ROLES = ["viewer", "supervisor", "admin"] as const;
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

export interface Operator {
  /** As it stands in call records and in the audit log. */
  readonly name: string;
  readonly role: OperatorRole;
}

/** Phone numbers are masked for all others. */
export function maySeeNumbers(operator: Operator): boolean {
  return hasRole(operator, "supervisor");
}

export function hasRole(operator: Operator, least: OperatorRole): boolean {
  return OPERATOR_ROLES.indexOf(operator.role) >= OPERATOR_ROLES.indexOf(least);
}
