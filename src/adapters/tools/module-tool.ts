/**
 * Tools that are TypeScript or JavaScript modules of the operator's own: each module runs in a
 * process of its own.
 */
import { existsSync } from "node:fs";
import { fileBeside } from "../../config/read-problem.js";
import type { ToolDefinition } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { Tool } from "../../tools/tool.js";
import type { ToolLauncher } from "./launcher-client.js";
import { pickTool } from "./module-exports.js";
import type { DeclaredTool, ModuleVersion } from "./tool-messages.js";

/**
 * Loads what `defineTool` declared: the default export, else the export of the tool's name, else
 * the only one. The agents file's description and parameters win where it gives them.
 *
 * @param path  absolute.
 * @throws      RelayError `config_invalid`: the module cannot be loaded, or exports no tool.
 */
export async function loadModuleTool(
  definition: Omit<ToolDefinition, "source">,
  path: string,
  launcher: ToolLauncher,
): Promise<Tool> {
  const { name, description, parameters, timeoutMs, sayWhileWaiting } = definition;
  if (!existsSync(path))
    throw new RelayError(
      "config_invalid",
      `tool ${name}: ${path} cannot be loaded: there is no such file${fileBeside(path)}`,
    );
  const module = launcher.moduleAt(path);
  const declared = pickTool(await described(launcher, name, module), name);
  if (declared === null)
    throw new RelayError("config_invalid", `tool ${name}: ${path} exports no defineTool({…})`);
  const given = typeof parameters["properties"] === "object" && !isEmpty(parameters["properties"]);
  const { key } = declared;
  return {
    name,
    description: description === "" ? declared.description : description,
    parameters: given ? parameters : declared.parameters,
    timeoutMs: declared.timeoutMs ?? timeoutMs,
    sayWhileWaiting: sayWhileWaiting ?? declared.sayWhileWaiting,
    run: (args, context) => launcher.call(module, key, args, context),
  };
}

async function described(
  launcher: ToolLauncher,
  name: string,
  module: ModuleVersion,
): Promise<readonly DeclaredTool[]> {
  try {
    return await launcher.describe(module);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    throw new RelayError(error.code, `tool ${name}: ${error.message}`, { cause: error });
  }
}

function isEmpty(value: object | null): boolean {
  return value !== null && Object.keys(value).length === 0;
}
