/** A PulseAudio of its own whose only card is silent: Firefox plays nothing where there is no card. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeFolder } from "./remove-folder.js";

const PROGRAM = "/usr/bin/pulseaudio";
const PATIENCE_MS = 45_000;
const LOOK_EVERY_MS = 50;

/** Null where there is one; else says loudly what is left out. */
export function soundSkip(what: string): string | null {
  if (existsSync(PROGRAM)) return null;
  const missing = "no PulseAudio is installed (Debian: apt-get install pulseaudio)";
  console.warn(`NOT TESTED: ${what}: ${missing}`);
  return missing;
}

export interface SoundServer {
  /** For PULSE_SERVER. */
  readonly address: string;
  close(): Promise<void>;
}

export async function startSoundServer(): Promise<SoundServer> {
  const home = mkdtempSync(join(tmpdir(), "murelay-sound-"));
  const socket = join(home, "native");
  const child = spawn(
    PROGRAM,
    [
      "-n",
      "--daemonize=no",
      "--use-pid-file=no",
      "--exit-idle-time=-1",
      "--load=module-null-sink",
      `--load=module-native-protocol-unix socket=${socket} auth-anonymous=1`,
    ],
    {
      env: { PATH: process.env["PATH"], HOME: home, XDG_RUNTIME_DIR: home },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  child.on("error", (error) => {
    said += error.message;
  });
  const close = async () => {
    await endOf(child);
    removeFolder(home);
  };
  const untilMs = performance.now() + PATIENCE_MS;
  while (!existsSync(socket)) {
    if (child.exitCode !== null || performance.now() > untilMs) {
      await close();
      throw new Error(`PulseAudio does not start: ${said.slice(-2_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return { address: `unix:${socket}`, close };
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill();
  await ended;
}
