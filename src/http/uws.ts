/**
 * Finds the native binding of uWebSockets.js, or names the command that installs it. The npm
 * package that carries it falls back to a JavaScript server whose WebSockets never answer. That
 * server is never loaded.
 */

import type * as UwsModule from "uWebSockets.js";
import { createRequire } from "node:module";
import { join } from "node:path";
import { RelayError } from "../domain/errors.js";

/** What the type file leaves out: `listen` with host and options, and closing all connections. */
export type UwsApp = UwsModule.TemplatedApp & {
  listen(
    host: string,
    port: number,
    options: number,
    done: (socket: UwsModule.us_listen_socket | false) => void,
  ): unknown;
  close(): unknown;
};

export interface Uws {
  App(): UwsApp;
  us_listen_socket_close(socket: UwsModule.us_listen_socket): void;
  us_socket_local_port(socket: UwsModule.us_listen_socket): number;
}

/** The author's own build: not on npm, for Node 20, 22 and 24. */
export const OWN_BUILD = "uWebSockets.js@github:uNetworking/uWebSockets.js#v20.57.0";

export interface UwsBuild {
  readonly uws: Uws;
  /** Which build runs, as text for people. */
  readonly description: string;
}

let loaded: UwsBuild | null = null;

/** @throws RelayError config_invalid; its message ends with the command that fixes it. */
export function loadUws(): UwsBuild {
  // Where the relay is a dependency, npm installs another build beside it, in the project.
  const project = createRequire(join(process.cwd(), "package.json"));
  loaded ??= findFirstUws([createRequire(import.meta.url), project]);
  return loaded;
}

/**
 * The first build that loads.
 *
 * @throws as loadUws, about the first one.
 */
export function findFirstUws([first, ...others]: readonly [Loader, ...Loader[]]): UwsBuild {
  try {
    return findUws(first);
  } catch (error) {
    for (const other of others) {
      try {
        return findUws(other);
      } catch {
        // The first one is what the message is about.
      }
    }
    throw error;
  }
}

/** The part of `require` that is used. */
export interface Loader {
  (file: string): unknown;
  resolve(file: string): string;
}

/** The same as loadUws, without a cache. */
export function findUws(require: Loader): UwsBuild {
  const { platform, arch, version } = process;
  const abi = process.versions.modules;
  let entry: string;
  try {
    entry = require.resolve("uWebSockets.js");
  } catch (error) {
    throw refusal("uWebSockets.js is not installed", "npm ci", error);
  }
  const repackaged = entry.endsWith(join("src", "uws.js"));
  const file = repackaged
    ? `uWebSockets.js/binaries/uws_${platform}_${arch}_${abi}.node`
    : "uWebSockets.js";
  try {
    const uws: unknown = require(file);
    if (!isUws(uws)) throw new TypeError("it exports no native App");
    const build = repackaged ? "repackaged 20.30" : "the author's build";
    return { uws, description: `${build}, ${platform}-${arch}, Node ${version} (ABI ${abi})` };
  } catch (error) {
    throw refusal(
      `uWebSockets.js has no native binding that loads on Node ${version}, ${platform}-${arch}`,
      `npm i --no-save ${OWN_BUILD}`,
      error,
    );
  }
}

function refusal(problem: string, command: string, cause: unknown): RelayError {
  return new RelayError("config_invalid", `${problem}. Fix it with: ${command}`, { cause });
}

/** Native functions have no JavaScript source; those of the fallback have one. */
function isUws(value: unknown): value is Uws {
  if (typeof value !== "object" || value === null || !("App" in value)) return false;
  return (
    typeof value.App === "function" &&
    /\[native code\]/.test(Function.prototype.toString.call(value.App))
  );
}
