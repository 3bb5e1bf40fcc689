/** Who may use the operator listener: tokens, sessions of the console, roles. */
import { readOperatorsApart } from "../config/agents/read-apart.js";
import type { Config } from "../config/load.js";
import { configuredOperators } from "../config/operators-file.js";
import { errorCodeOf } from "../domain/errors.js";
import { ConsoleSessions } from "../http/console-session.js";
import { OperatorAuth } from "../http/operator-auth.js";
import { type NamedOperator, OperatorDirectory } from "../http/operator-directory.js";
import type { SharedState } from "../ports/store.js";
import { memoryState } from "../records/memory-state.js";
import type { Base } from "./compose-base.js";

export interface OperatorParts {
  readonly auth: OperatorAuth;
  /** Null: no token is set, and only this machine is let in. */
  readonly sessions: ConsoleSessions | null;
  /**
   * Reads OPERATORS_FILE again, in a process of its own. A faulty file changes nothing. Never
   * rejects; resolves once it is in force, or refused.
   */
  reload(): Promise<void>;
  /** It has been read already. */
  replace(operators: readonly NamedOperator[]): void;
}

type OperatorBase = Pick<Base, "clock" | "metrics" | "log"> & {
  readonly config: Pick<Config, "adminHost" | "adminToken" | "operatorsFile" | "twilioAuthToken">;
};

/**
 * @param state  shared by all processes; null: this is the only one, and it keeps no records.
 * @param given  of OPERATORS_FILE, where it has been read already.
 * @throws RelayError config_invalid when OPERATORS_FILE cannot be used.
 */
export function composeOperators(
  { config, clock, metrics, log }: OperatorBase,
  state: Pick<SharedState, "getState" | "putState"> | null,
  given?: readonly NamedOperator[],
): OperatorParts {
  const { adminToken, operatorsFile } = config;
  const directory = new OperatorDirectory(adminToken, given ?? configuredOperators(config));
  const sessions =
    adminToken === null && operatorsFile === null
      ? null
      : new ConsoleSessions({
          // Every process of the service has it, and no operator does.
          secret: config.twilioAuthToken,
          directory,
          state: state ?? memoryState(() => clock.epochMs()),
          clock,
          log,
        });
  const reload = async (): Promise<void> => {
    try {
      directory.replace(await readOperatorsApart(config));
    } catch (error) {
      log.error("operators: file not reloaded", { code: errorCodeOf(error) }, error);
    }
  };
  let reloaded: Promise<void> = Promise.resolve();
  return {
    auth: new OperatorAuth({ config, directory, sessions, clock, metrics, log }),
    sessions,
    reload: () => {
      // One after the other, so that the last file stays in force.
      if (operatorsFile !== null) reloaded = reloaded.then(reload);
      return reloaded;
    },
    replace: (operators) => directory.replace(operators),
  };
}
