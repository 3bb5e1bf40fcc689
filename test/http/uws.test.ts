import { describe, expect, it } from "vitest";
import { findFirstUws, findUws, type Loader, loadUws, OWN_BUILD } from "../../src/http/uws.js";

/** Of whichever package is installed. */
const native: unknown = loadUws().uws;

function loader(
  entry: string | null,
  files: (file: string) => unknown,
): Loader & { readonly asked: string[] } {
  const asked: string[] = [];
  return Object.assign(
    (file: string) => {
      asked.push(file);
      return files(file);
    },
    {
      asked,
      resolve: () => {
        if (entry === null) throw new Error("Cannot find module 'uWebSockets.js'");
        return entry;
      },
    },
  );
}
const missing = (file: string): never => {
  throw new Error(`Cannot find module '${file}'`);
};

describe("uWebSockets.js", () => {
  it("loads the native binding of the package that is installed", () => {
    expect(loadUws().description).toContain(`ABI ${process.versions.modules}`);
    expect(loadUws()).toBe(loadUws());
  });

  it("takes the author's build where that is installed", () => {
    const require = loader("/x/node_modules/uWebSockets.js/uws.js", () => native);
    expect(findUws(require).description).toContain("the author's build");
    expect(require.asked).toEqual(["uWebSockets.js"]);
  });

  it("is that of the project where the relay's own has no binding for this Node", () => {
    const own = loader("/x/node_modules/murelay/node_modules/uWebSockets.js/src/uws.js", missing);
    const project = loader("/x/node_modules/uWebSockets.js/uws.js", () => native);
    expect(findFirstUws([own, project]).description).toContain("the author's build");
    expect(() => findFirstUws([own, loader(null, missing)])).toThrow(/no native binding/);
  });

  it.each([
    ["the package is not there", null, missing, "npm ci"],
    [
      "it has no binding for this Node",
      "/x/node_modules/uWebSockets.js/src/uws.js",
      missing,
      `npm i --no-save ${OWN_BUILD}`,
    ],
    [
      "the author's has none",
      "/x/node_modules/uWebSockets.js/uws.js",
      missing,
      `npm i --no-save ${OWN_BUILD}`,
    ],
    [
      "what loads is the JavaScript fallback",
      "/x/uWebSockets.js/src/uws.js",
      () => ({ App: () => ({}) }),
      OWN_BUILD,
    ],
    ["what loads is something else", "/x/uWebSockets.js/src/uws.js", () => ({}), OWN_BUILD],
  ])("refuses with one command when %s", (_name, entry, files, command) => {
    const require = loader(entry, files);
    expect(() => findUws(require)).toThrow(expect.objectContaining({ code: "config_invalid" }));
    expect(() => findUws(require)).toThrow(command);
    // The package's own entry would print warnings and fall back.
    if (entry?.endsWith("src/uws.js")) expect(require.asked).not.toContain("uWebSockets.js");
  });
});
