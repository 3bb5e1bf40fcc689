"use strict";

/**
 * What `import { defineTool } from "murelay"` gives to tool modules, in any module system. Types and documentation:
 * src/tools/tool.ts.
 */
const TOOL_MODULE = Symbol.for("murelay.tool");

exports.defineTool = ({ name, description, parameters, timeoutMs, sayWhileWaiting, run }) => ({
  [TOOL_MODULE]: true,
  name: name ?? null,
  description,
  parameters,
  timeoutMs: timeoutMs ?? null,
  sayWhileWaiting: sayWhileWaiting ?? null,
  run: async (args, context) => ({ output: await run(args, context) }),
});
