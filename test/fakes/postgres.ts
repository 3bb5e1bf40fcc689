import { execFile, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { removeFolder } from "./remove-folder.js";

/** A PostgreSQL server for one test, on loopback, which can be stopped and started again. */
export interface PrivatePostgres {
  readonly url: string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** The directory of the server's programs, or the reason why no server can be started. */
export function findPostgres(): { readonly bin: string } | { readonly missing: string } {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const bin = versions
    .map((version) => join(root, version, "bin"))
    .find((dir) => existsSync(join(dir, "initdb")));
  if (bin === undefined)
    return { missing: "no PostgreSQL server is installed (Debian: apt-get install postgresql)" };
  if (
    process.getuid?.() === 0 &&
    spawnSync("setpriv", ["--reuid=postgres", "--clear-groups", "true"]).status !== 0
  ) {
    return {
      missing:
        "this is root, PostgreSQL refuses root, and setpriv to the user postgres does not work",
    };
  }
  return { bin };
}

/** initdb and postgres refuse to run as root. In that case they run as the user postgres. */
function asServerUser(command: string, args: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [command, [...args]];
  return ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", command, ...args]];
}

/** A file system in memory, where there is room: on a disk, to make a thousand files takes a second. */
const MEMORY = "/dev/shm";
const ROOM_BYTES = 4 * 1024 ** 3;
const CACHE = resolve(import.meta.dirname, "../../node_modules/.cache/murelay");

const run = promisify(execFile);

async function newCluster(bin: string, home: string): Promise<void> {
  const [initdb, args] = asServerUser(join(bin, "initdb"), [
    ...["-D", join(home, "data"), "-U", "relay", "-A", "trust"],
    ...["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
  ]);
  await run(initdb, args);
}

/** As `newCluster`, which starts the server several times: the first one is kept and unpacked again. */
async function unpackedCluster(bin: string, home: string): Promise<void> {
  const { mtimeMs, size } = statSync(join(bin, "postgres"));
  const user = process.getuid?.() ?? "user";
  const packed = join(CACHE, `postgres-${user}-${Math.round(mtimeMs)}-${size}.tar`);
  if (existsSync(packed)) {
    await run("tar", ["-xpf", packed, "-C", home]);
    return;
  }
  await newCluster(bin, home);
  mkdirSync(CACHE, { recursive: true });
  const own = `${packed}.${process.pid}.${randomUUID()}`;
  await run("tar", ["-cf", own, "-C", home, "data"]);
  renameSync(own, packed);
}

/** @throws Error with what the server said when it does not start. */
export async function startPostgres(bin: string): Promise<PrivatePostgres> {
  const inMemory = hasRoom(MEMORY);
  const home = mkdtempSync(join(inMemory ? MEMORY : tmpdir(), "murelay-pg-"));
  chmodSync(home, 0o777);
  const data = join(home, "data");
  await (inMemory ? unpackedCluster(bin, home) : newCluster(bin, home));
  writeFileSync(
    join(data, "postgresql.auto.conf"),
    "fsync = off\nmax_connections = 60\nshared_buffers = 16MB\n",
  );
  const port = await freePort();
  const url = `postgres://relay@127.0.0.1:${port}/postgres`;
  let server: ReturnType<typeof spawn> | null = null;

  const start = async () => {
    const [postgres, args] = asServerUser(join(bin, "postgres"), [
      ...["-D", data, "-k", home, "-h", "127.0.0.1", "-p", String(port)],
    ]);
    const child = spawn(postgres, args, { stdio: ["ignore", "ignore", "pipe"] });
    server = child;
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-4_000);
        if (said.includes("ready to accept connections")) resolve();
      });
      child.once("exit", () => reject(new Error(`postgres: ${said}`)));
      child.once("error", reject);
    });
  };
  const stop = async () => {
    const child = server;
    server = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, "exit");
    // SIGINT is the fast shutdown: connections are cut, and nothing committed is lost.
    child.kill("SIGINT");
    await ended;
  };
  await start();
  return {
    url,
    start,
    stop,
    remove: async () => {
      await stop();
      removeFolder(home);
    },
  };
}

function hasRoom(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize > ROOM_BYTES;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
