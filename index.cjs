"use strict";

/**
 * What `import { defineTool, createRelay } from "murelay"` gives, in any module system. Types and documentation:
 * src/app/library.ts. defineTool stands here so that a tool module loads nothing else, and needs no build.
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

exports.createRelay = async (options) => {
  const { createRelay } = await import("./dist/app/library.js");
  return await createRelay(options);
};
