/** The addresses of the Media Streams upgrade: what Twilio signs, and where it arrives. */

export const MEDIA_PATH = "/media-stream";

/** What may stand for a placeholder of MEDIA_URL: a NODE_NAME, the number of a worker. */
const PLACEHOLDERS = { "{node}": "[\\w.-]{1,63}", "{worker}": "\\d{1,4}" } as const;

export interface MediaAddressParts {
  /** MEDIA_URL, which may contain {node} and {worker}. */
  readonly template: string;
  /** MEDIA_URL as it stands in this process's `<Stream url>`. */
  readonly own: string;
  /** PUBLIC_URL's own path, which a proxy may keep; "" when it has none. */
  readonly prefix: string;
}

/**
 * Where streams arrive, and which URLs Twilio may have signed for them.
 *
 * With placeholders in the path of MEDIA_URL, a process also accepts the addresses of the others. A
 * balancer that does not reach the process of a stream, or does not know yet that it is there
 * again, sends the stream to another one. That one opens a session of its own, or takes the call
 * over.
 */
export class MediaAddresses {
  /** For the router, in which `:name` stands for one part of a path. */
  readonly patterns: ReadonlySet<string>;
  readonly #own: string;
  readonly #origin: string;
  readonly #ownPaths: ReadonlySet<string>;
  /** Null: the path names no process. */
  readonly #placed: RegExp | null;

  constructor({ template, own, prefix }: MediaAddressParts) {
    const { origin, path } = split(template);
    this.#own = own.replace(/\/+$/, "");
    this.#origin = split(own).origin;
    const ownPaths = [MEDIA_PATH, `${prefix}${MEDIA_PATH}`, split(own).path];
    this.#ownPaths = new Set(withAndWithoutSlash(ownPaths.filter((one) => one !== "")));
    // A host name that names the process leads to it by itself.
    const isPlaced = hasPlaceholder(path) && !hasPlaceholder(origin);
    this.#placed = isPlaced ? new RegExp(`^${expression(path)}/?$`) : null;
    const placed = isPlaced ? withAndWithoutSlash([pattern(path)]) : [];
    this.patterns = new Set([...this.#ownPaths, ...placed]);
  }

  /**
   * The URLs whose signature a request to this path may bear: Twilio signs with or without a final
   * slash, whatever `<Stream url>` says. Empty when no stream has this path.
   */
  signedUrls(path: string): readonly string[] {
    if (this.#ownPaths.has(path)) return withAndWithoutSlash([this.#own]);
    if (this.#placed?.test(path) !== true) return [];
    return withAndWithoutSlash([`${this.#origin}${path.replace(/\/$/, "")}`]);
  }
}

/** By hand: the class URL escapes the braces of a path and refuses those of a host name. */
function split(url: string): { readonly origin: string; readonly path: string } {
  const [origin = ""] = /^\w+:\/\/[^/]*/.exec(url) ?? [];
  return { origin, path: url.slice(origin.length).replace(/\/+$/, "") };
}

function hasPlaceholder(text: string): boolean {
  return Object.keys(PLACEHOLDERS).some((name) => text.includes(name));
}

function expression(path: string): string {
  let text = path.replace(/[\\^$.*+?()[\]|]/g, "\\$&");
  for (const [name, values] of Object.entries(PLACEHOLDERS)) text = text.replaceAll(name, values);
  return text;
}

/** A part of the path that contains a placeholder is a parameter of the router as a whole. */
function pattern(path: string): string {
  return path
    .split("/")
    .map((part, i) => (hasPlaceholder(part) ? `:part${i}` : part))
    .join("/");
}

function withAndWithoutSlash(texts: readonly string[]): string[] {
  return texts.flatMap((text) => [text, `${text}/`]);
}
