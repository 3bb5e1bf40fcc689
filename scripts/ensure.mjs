// Checks what everything else needs: a recent Node and the packages of the lock file. Uses Node's own modules only.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);
const OLDEST = [20, 19];

/** Installs missing packages; ends the process with 2 when that fails. `development`: also the packages of the tests. */
export function ensure({ development }) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    console.error(
      `murelay needs Node ${OLDEST.join(".")} or newer; this is ${process.versions.node}`,
    );
    process.exit(2);
  }
  ensurePackages(ROOT, { development });
}

/** The same for one folder that has its own lock file. `root` is a URL that ends in a slash. */
export function ensurePackages(root, { development }) {
  const why = staleness(root, development);
  if (why === null) return;
  console.error(`${why}: running npm ci in ${fileURLToPath(root)} …`);
  const { status, error } = npmCi(root);
  if (error !== undefined || status !== 0) {
    console.error(`npm ci failed${error === undefined ? "" : `: ${error.message}`}`);
    process.exit(2);
  }
}

/** Why node_modules must be installed again, or null. */
function staleness(root, development) {
  const lockFile = new URL("package-lock.json", root);
  const installedFile = new URL("node_modules/.package-lock.json", root);
  if (!existsSync(installedFile)) return "node_modules is missing";
  if (statSync(installedFile).mtimeMs >= statSync(lockFile).mtimeMs) return null;
  // A fresh checkout gives the lock file a newer date. Compare the versions before installing again.
  const wanted = JSON.parse(readFileSync(lockFile, "utf8")).packages ?? {};
  const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages ?? {};
  for (const [path, { version, optional, devOptional, dev, link }] of Object.entries(wanted)) {
    if (path === "" || link || optional || devOptional || (dev && !development)) continue;
    if (installed[path]?.version !== version) return "node_modules is older than package-lock.json";
  }
  return null;
}

function npmCi(root) {
  const options = { cwd: fileURLToPath(root), stdio: ["ignore", 2, 2] };
  const cli = process.env.npm_execpath;
  // Under `npm run` use the same npm by its own script, otherwise the npm on the path.
  if (cli?.endsWith(".js")) return spawnSync(process.execPath, [cli, "ci"], options);
  return spawnSync("npm", ["ci"], { ...options, shell: process.platform === "win32" });
}
