/**
 * Lets tool modules import "murelay" wherever they are: in a folder where the package is not
 * installed, and in CommonJS as well as in ECMAScript modules. The name always leads to the package
 * of the running relay.
 */
import Module, { register } from "node:module";
import { fileURLToPath } from "node:url";

const NAME = "murelay";
/** Three folders up from here, both from `src` and from `dist`. */
const ENTRY = new URL("../../../index.cjs", import.meta.url);

/** Runs on Node's thread for loader hooks, which is why it is text. */
const HOOKS = `
let entry;
export function initialize(data) { entry = data.entry; }
export async function resolve(specifier, context, next) {
  if (specifier !== ${JSON.stringify(NAME)}) return next(specifier, context);
  return { url: entry, format: "commonjs", shortCircuit: true };
}`;

/** Not part of Node's documented API, but the one place that CommonJS resolves names in. */
interface CommonJs {
  _resolveFilename(request: string, ...rest: unknown[]): string;
}

let installed = false;

/** Idempotent. */
export function resolveOwnPackage(): void {
  if (installed) return;
  installed = true;
  const commonJs = Module as unknown as CommonJs;
  const resolveFilename = commonJs._resolveFilename;
  const entry = fileURLToPath(ENTRY);
  commonJs._resolveFilename = function (request, ...rest) {
    return request === NAME ? entry : resolveFilename.call(this, request, ...rest);
  };
  register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, import.meta.url, {
    data: { entry: ENTRY.href },
  });
}
