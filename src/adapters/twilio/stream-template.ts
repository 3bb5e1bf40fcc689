/**
 * The document that begins every call, `<Connect><Stream>`. Twilio's builder makes fifty kilobytes
 * of objects for it, and of one call's to the next only the values of its parameters differ. So the
 * builder makes each document once, and later ones are filled in.
 */
import type { TwimlVerb } from "../../wire/twiml.js";
import { fittedParameters } from "../../wire/twiml-limits.js";

export type StreamVerb = Extract<TwimlVerb, { verb: "connect_stream" }>;

/** There is one for each way to have a stream. Beyond this every document is built. */
const MAX_TEMPLATES = 32;
/** Stands for a value: private characters, which the builder writes as they are. */
const PLACE = "\ue000\ue001\ue000";
/** What the builder escapes in the value of an attribute. */
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  '"': "&quot;",
  "\t": "&#x9;",
  "\n": "&#xA;",
  "\r": "&#xD;",
};

export class StreamTemplates {
  readonly #build: (verb: StreamVerb) => string;
  readonly #clean: (text: string) => string;
  /** The texts around the values. */
  readonly #templates = new Map<string, readonly string[]>();

  /**
   * @param build  the whole document, by Twilio's builder.
   * @param clean  removes what XML does not allow.
   */
  constructor(build: (verb: StreamVerb) => string, clean: (text: string) => string) {
    this.#build = build;
    this.#clean = clean;
  }

  /** @returns the same as the builder. */
  render(verb: StreamVerb): string {
    const values = Object.values(fittedParameters(verb.parameters));
    const around = this.#template(verb, values.length);
    if (around === null) return this.#build(verb);
    let xml = around[0]!;
    for (const [i, value] of values.entries()) {
      xml += this.#clean(value).replace(/[&<"\t\n\r]/g, (found) => ESCAPES[found]!);
      xml += around[i + 1]!;
    }
    return xml;
  }

  #template(verb: StreamVerb, count: number): readonly string[] | null {
    const names = Object.keys(verb.parameters);
    const key = [verb.action, verb.url, verb.statusCallback ?? "", ...names].join("\n");
    const known = this.#templates.get(key);
    if (known !== undefined) return known;
    if (this.#templates.size >= MAX_TEMPLATES) return null;
    const parameters = Object.fromEntries(names.map((name) => [name, PLACE]));
    const around = this.#build({ ...verb, parameters }).split(PLACE);
    // A name so long that its value was cut, or an address with such characters.
    if (around.length !== count + 1) return null;
    this.#templates.set(key, around);
    return around;
  }
}
