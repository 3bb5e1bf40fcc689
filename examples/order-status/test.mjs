// Starts the back end, then runs the conversations against it.
import { spawn } from "node:child_process";
import { startBackend } from "./backend.mjs";

const token = "a-token-for-tests";
const server = await startBackend(token);
const env = { ...process.env, ORDERS_TOKEN: token };
const child = spawn("murelay", ["test"], { env, stdio: "inherit", shell: true });
child.once("exit", (status) => {
  server.close();
  server.closeAllConnections();
  process.exitCode = status ?? 1;
});
