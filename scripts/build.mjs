// `npm run build`, and `npm pack` through it: installs missing packages, then compiles `dist/`.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ensure } from "./ensure.mjs";

ensure({ development: true });
const root = fileURLToPath(new URL("../", import.meta.url));
for (const project of ["tsconfig.build.json", "tsconfig.sim.json"]) {
  const args = ["node_modules/typescript/bin/tsc", "-p", project];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
