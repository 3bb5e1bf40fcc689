// @ts-check
/**
 * The thread that reads an SQLite file for searches. Plain JavaScript, so that Node loads it as it
 * is while the sources are run and when they are compiled.
 */
import { readlinkSync, statSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import Database from "libsql";

/** A reader meets a lock only while another process opens or closes the file. */
const BUSY_TIMEOUT_MS = 5_000;
const MAX_STATEMENTS = 200;
/** Memory for pages, in KiB: the indexes of 100,000 calls. */
const CACHE_KIB = 32_768;

const path = String(workerData);

class Reader {
  #db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  #file = statSync(path);
  /** @type {Map<string, Database.Statement>} */
  #statements = new Map();

  constructor() {
    this.#db.exec(`PRAGMA query_only = ON; PRAGMA cache_size = -${CACHE_KIB}`);
  }

  isCurrent() {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && found.ino === this.#file.ino && found.dev === this.#file.dev;
  }

  /** @param {string} sql @param {readonly unknown[]} parameters */
  all(sql, parameters) {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
      this.#statements.set(sql, statement);
    }
    return statement.all(parameters);
  }

  close() {
    this.#statements.clear();
    this.#db.close();
  }
}

/** @type {Reader | null} */
let reader = null;

/**
 * @param {import("./sqlite-reader.js").ReadRequest} request
 * @returns {import("./sqlite-reader.js").ReadAnswer}
 */
function answer({ id, sql, parameters }) {
  try {
    // The file was deleted or replaced.
    if (reader?.isCurrent() === false) {
      reader.close();
      reader = null;
    }
    reader ??= new Reader();
    return { id, rows: reader.all(sql, parameters) };
  } catch (error) {
    const { message, code } = Object(error);
    return { id, error: { message: String(message), code: String(code ?? "") } };
  }
}

/** @param {import("./sqlite-reader.js").ReadRequest | null} request  null: the last message. */
function receive(request) {
  if (request !== null) {
    parentPort?.postMessage(answer(request));
    return;
  }
  reader?.close();
  parentPort?.close();
}

/** As `lowerPriority`, which is TypeScript. */
function lowerPriority() {
  try {
    const thread = readlinkSync("/proc/thread-self").split("/").at(-1);
    setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not Linux.
  }
}

lowerPriority();
parentPort?.on("message", receive);
