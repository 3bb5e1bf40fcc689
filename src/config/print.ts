import { type Config, type ReadSettings, settingEntries } from "./load.js";
import type { Setting } from "./setting.js";
import type { SettingKey } from "./settings.js";

export interface ConfigRow {
  readonly name: string;
  /** Redacted: safe to print, to log and to paste into a ticket. Null: the setting has a fault. */
  readonly value: string | null;
  readonly isDefault: boolean;
}

type Printable = Partial<Record<SettingKey, Config[SettingKey] | "auto">>;

/**
 * Every setting in the order of the documentation. Of a secret it says only that it is set, and of
 * a phone number only the last two digits.
 */
export function configRows(config: Config | ReadSettings["values"]): readonly ConfigRow[] {
  const values: Printable = config;
  return settingEntries().map(([key, setting]) => {
    const { name } = setting;
    const value = values[key];
    if (value === undefined) return { name, value: null, isDefault: false };
    const text = value === null ? "(none)" : String(value);
    return {
      name,
      value: redacted(key, setting, text),
      isDefault: text === (setting.default ?? "(none)"),
    };
  });
}

function redacted(key: SettingKey, setting: Setting<unknown>, text: string): string {
  if (text === "(none)") return text;
  if (key === "databaseUrl")
    return text.replace(/^(postgres(?:ql)?:\/\/)[^@/]*@/, "$1***@").replace(/\?.*$/, "?***");
  if (key === "httpsProxy") return text.replace(/^(https?:\/\/)[^@/]*@/, "$1***@");
  if (key === "humanAgentNumber")
    return `${"•".repeat(Math.max(text.length - 2, 0))}${text.slice(-2)}`;
  return setting.secret ? "(set)" : text;
}
