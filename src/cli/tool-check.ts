import { createHttpTool } from "../adapters/tools/http-tool.js";
import { createJsonSchemaChecker } from "../adapters/tools/json-schema.js";
import { ToolLauncher } from "../adapters/tools/launcher-client.js";
import { loadModuleTool } from "../adapters/tools/module-tool.js";
import type { ToolDefinition } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import { ToolRegistry } from "../tools/registry.js";

/**
 * Builds one tool as the relay does at start: loads its module and compiles its JSON Schema.
 *
 * @returns what is wrong with it, or null.
 */
export async function toolProblem(definition: ToolDefinition): Promise<string | null> {
  const { source } = definition;
  if (source.kind !== "module" && source.kind !== "http") return null;
  const launcher = new ToolLauncher({ warn: () => undefined });
  try {
    const tool =
      source.kind === "module"
        ? await loadModuleTool(definition, source.path, launcher)
        : createHttpTool(definition, source.http);
    new ToolRegistry([tool], createJsonSchemaChecker());
    return null;
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    return error.message.replace(`tool ${definition.name}: `, "");
  } finally {
    launcher.stop();
  }
}
