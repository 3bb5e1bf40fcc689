/**
 * The launcher of tool processes: a small process that the relay starts before it has any calls. To
 * start a process takes as long as the parent is large, and the relay must not stand still for that
 * while it carries sound. It also watches the tool processes, and ends them all when the relay is
 * gone, whatever they do.
 */
import { systemClock } from "../system/system-clock.js";
import { type StartToolChild, startToolProcess } from "./child-processes.js";
import { LoadQueue } from "./load-queue.js";
import { ModuleProcess } from "./module-process.js";
import { startedProcess } from "./process-groups.js";
import type { FromLauncher, ModuleVersion, ToLauncher } from "./tool-messages.js";

const modules = new Map<string, ModuleProcess>();
/** For a new version of an agents file; a module that a call needs does not wait. */
const loads = new LoadQueue();
/** The module of each call that is under way. */
const calls = new Map<number, ModuleProcess>();

function send(message: FromLauncher): void {
  if (process.connected) process.send?.(message);
}

/** The relay ends the tools when this process is killed, so it has to know them. */
const startAndTell: StartToolChild = (path, events) => {
  const child = startToolProcess(path, {
    message: events.message,
    ended: (how) => {
      if (child.pid !== undefined) send({ type: "process_ended", pid: child.pid });
      events.ended(how);
    },
  });
  const started = startedProcess(child.pid);
  if (started !== null) send({ type: "process_started", process: started });
  return child;
};

function moduleAt({ path, version }: ModuleVersion): ModuleProcess {
  const key = `${version} ${path}`;
  let found = modules.get(key);
  if (found === undefined) {
    found = new ModuleProcess(path, {
      clock: systemClock,
      start: startAndTell,
      warn: (reason) => send({ type: "warning", module: path, reason }),
    });
    modules.set(key, found);
  }
  return found;
}

function received(message: ToLauncher): void {
  switch (message.type) {
    case "describe": {
      const { id, version } = message;
      const module = moduleAt(message);
      const failed = (reason: string): void => send({ type: "load_failed", id, reason });
      loads.add({
        module,
        version,
        load: (done) =>
          module.describe((end) => {
            if (end.type === "loaded") send({ type: "described", id, tools: end.tools });
            else failed(end.reason);
            done();
          }),
        replaced: () => failed("a later agents file is being loaded"),
      });
      return;
    }
    case "keep_ready": {
      const { path, version } = message;
      const module = moduleAt(message);
      loads.add({
        module,
        version,
        load: (done) => {
          for (const one of modules.values())
            if (one.path === path && one !== module) one.replaced();
          module.keepReady(done);
        },
        replaced: () => undefined,
      });
      return;
    }
    case "warm":
      moduleAt(message).warm();
      return;
    case "call": {
      const { id, key, args, context } = message;
      const called = moduleAt(message);
      calls.set(id, called);
      called.call(id, key, args, context, (end) => {
        calls.delete(id);
        send({ ...end, id });
      });
      return;
    }
    case "abort":
      calls.get(message.id)?.abort(message.id);
  }
}

// The relay decides when this process ends: a Ctrl-C in the terminal reaches the whole process
// group.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("message", received);
process.on("disconnect", () => {
  for (const one of modules.values()) one.stop();
  process.exit(0);
});
