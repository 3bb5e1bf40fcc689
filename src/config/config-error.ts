import { RelayError } from "../domain/errors.js";

export interface ConfigFault {
  /** The name of the setting, as in the environment. */
  readonly name: string;
  readonly problem: string;
  readonly fix: string;
}

/** The settings cannot be used. Names every fault at once. */
export class ConfigError extends RelayError {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ name, problem, fix }) => `  ${name} ${problem}. ${fix}`);
    super("config_invalid", ["invalid settings:", ...lines].join("\n"));
    this.name = "ConfigError";
    this.faults = faults;
  }
}
