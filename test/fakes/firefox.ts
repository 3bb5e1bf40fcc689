/** Firefox, driven by WebDriver BiDi over its own WebSocket: it needs no driver program. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { removeFolder } from "./remove-folder.js";

/** From the request to start Firefox, or to do something in it, until it has. */
const PATIENCE_MS = 45_000;
const LOOK_EVERY_MS = 50;

/** Where the browser is, or what to say about its absence. */
function findFirefox(): { readonly path: string } | { readonly missing: string } {
  const given = process.env["FIREFOX"];
  const path = [
    ...(given === undefined ? [] : [given]),
    "/usr/bin/firefox-esr",
    "/usr/bin/firefox",
  ].find((one) => existsSync(one));
  return path === undefined
    ? {
        missing:
          "no Firefox is installed (Debian: apt-get install firefox-esr; elsewhere: FIREFOX=/its/path)",
      }
    : { path };
}

/** Null where there is one; else says loudly what is left out. */
export function firefoxSkip(what: string): string | null {
  const found = findFirefox();
  if ("path" in found) return null;
  console.warn(`NOT TESTED: ${what}: ${found.missing}`);
  return found.missing;
}

const PREFERENCES = {
  // Sound without a click before it, and a microphone that only beeps.
  "media.autoplay.default": 0,
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "datareporting.policy.dataSubmissionEnabled": false,
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
};

/** Files that are not loaded: BiDi does not tell of them. */
const TELL_UNLOADED = `
  addEventListener("error", ({ target }) => {
    if (target !== window) console.error("not loaded: " + (target.src ?? target.href));
  }, true);
`;

// biome-ignore lint/suspicious/noExplicitAny: messages of a protocol, of which a few fields are read
type Message = any;

interface LogEntry {
  readonly level: string;
  readonly text: string | null;
}

export class Firefox {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve(result: Message): void; reject(e: Error): void }>();
  readonly #pages = new Map<string, FirefoxPage>();
  #nextId = 1;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#read(JSON.parse(data.toString())));
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("Firefox has ended"));
      this.#waiting.clear();
    });
  }

  /** @param sound  PULSE_SERVER: without a sound card it plays nothing, and time stands still there. */
  static async launch(sound?: string): Promise<Firefox> {
    const found = findFirefox();
    if ("missing" in found) throw new Error(found.missing);
    const profile = mkdtempSync(join(tmpdir(), "murelay-firefox-"));
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
    );
    writeFileSync(join(profile, "user.js"), lines.join(""));
    const child = spawn(
      found.path,
      ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"],
      {
        env: {
          ...process.env,
          HOME: profile,
          ...(sound === undefined ? {} : { PULSE_SERVER: sound }),
        },
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    try {
      const socket = new WebSocket(`${await addressOf(child)}/session`, {
        perMessageDeflate: false,
      });
      await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
      const firefox = new Firefox(child, profile, socket);
      await firefox.send("session.new", { capabilities: {} });
      await firefox.send("session.subscribe", { events: ["log.entryAdded"] });
      return firefox;
    } catch (error) {
      await endOf(child);
      removeFolder(profile);
      throw error;
    }
  }

  /** @throws Error with the browser's words. */
  send(method: string, params: object): Promise<Message> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** A page of its own session: it shares no cookie with others. */
  async openPage(): Promise<FirefoxPage> {
    const { userContext } = await this.send("browser.createUserContext", {});
    const { context } = await this.send("browsingContext.create", { type: "tab", userContext });
    const page = new FirefoxPage(this, context, userContext);
    this.#pages.set(context, page);
    await page.addInitScript(TELL_UNLOADED);
    return page;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await endOf(this.#process);
    removeFolder(this.#profile);
  }

  #read(message: Message): void {
    if (message.type === "event") {
      if (message.method === "log.entryAdded")
        this.#pages.get(message.params.source.context)?.told(message.params as LogEntry);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === "success") waiting?.resolve(message.result);
    else waiting?.reject(new Error(`${message.error}: ${message.message}`));
  }
}

export class FirefoxPage {
  readonly #firefox: Firefox;
  readonly #context: string;
  readonly #userContext: string;
  readonly #said: string[] = [];

  constructor(firefox: Firefox, context: string, userContext: string) {
    this.#firefox = firefox;
    this.#context = context;
    this.#userContext = userContext;
  }

  /** Errors and warnings of scripts, of loading and of the content security policy. */
  get complaints(): readonly string[] {
    return this.#said;
  }

  /** Of the browser, not of a test. */
  told({ level, text }: LogEntry): void {
    if (level === "error" || level === "warn") this.#said.push(`${level}: ${text}`);
  }

  /** Runs in each document of this page before its own scripts. */
  async addInitScript(script: string): Promise<void> {
    await this.#firefox.send("script.addPreloadScript", {
      functionDeclaration: `() => { ${script} }`,
      contexts: [this.#context],
    });
  }

  async goto(url: string): Promise<void> {
    await this.#firefox.send("browsingContext.navigate", {
      context: this.#context,
      url,
      wait: "complete",
    });
  }

  /** @param expression  its value must be JSON; a promise is awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.#firefox.send("script.evaluate", {
      expression: `Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`,
      target: { context: this.#context },
      awaitPromise: true,
    });
    if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
    return JSON.parse(answer.result.value) as T;
  }

  /** Waits for an element. @param text  that it contains. */
  async waitFor(selector: string, text = ""): Promise<void> {
    const found = `[...document.querySelectorAll(${JSON.stringify(selector)})]
      .some((one) => one.textContent.includes(${JSON.stringify(text)}))`;
    await this.#until(`${selector} ${text}`, async () => await this.evaluate<boolean>(found));
  }

  /** Clicks with the mouse on what has that accessible name and role, as soon as it is there. */
  async click(name: string, role?: string): Promise<void> {
    const origin = await this.#element(name, role);
    await this.#act("pointer", [
      { type: "pointerMove", x: 0, y: 0, origin },
      { type: "pointerDown", button: 0 },
      { type: "pointerUp", button: 0 },
    ]);
  }

  /** Types into what has the focus. "\uE007" is the Enter key. */
  async type(text: string): Promise<void> {
    await this.#act(
      "key",
      [...text].flatMap((value) => [
        { type: "keyDown", value },
        { type: "keyUp", value },
      ]),
    );
  }

  async close(): Promise<void> {
    await this.#firefox.send("browser.removeUserContext", { userContext: this.#userContext });
  }

  async #element(name: string, role?: string): Promise<object> {
    const locator = {
      type: "accessibility",
      value: role === undefined ? { name } : { role, name },
    };
    let origin: object | null = null;
    await this.#until(`${name} ${role ?? ""}`, async () => {
      const { nodes } = await this.#firefox.send("browsingContext.locateNodes", {
        context: this.#context,
        locator,
      });
      const [node] = nodes;
      if (node === undefined) return false;
      origin = { type: "element", element: { sharedId: node.sharedId } };
      return true;
    });
    if (origin === null) throw new Error("unreachable");
    return origin;
  }

  async #act(type: "pointer" | "key", actions: readonly object[]): Promise<void> {
    await this.#firefox.send("input.performActions", {
      context: this.#context,
      actions: [{ type, id: type, actions }],
    });
  }

  async #until(what: string, isThere: () => Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + PATIENCE_MS;
    while (!(await isThere())) {
      if (performance.now() > untilMs) throw new Error(`not in the page: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}

/** Firefox says on stderr where it listens. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const give = (why: string) => reject(new Error(`Firefox ${why}: ${said.slice(-2_000)}`));
    const timer = setTimeout(() => give("does not start"), PATIENCE_MS);
    child.stderr!.on("data", (chunk: Buffer) => {
      said += chunk;
      const address = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
    child.once("error", () => give("cannot be started"));
    child.once("exit", () => {
      clearTimeout(timer);
      give("has ended");
    });
  });
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
