/** A strict reader for the XML of TwiML. Anything malformed is an error with its position. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Text of this element alone, entities decoded, outer white space off. */
  readonly text: string;
}

export class XmlError extends Error {
  constructor(message: string, at: number) {
    super(`${message} at character ${at}`);
  }
}

const NAME = /[A-Za-z_][\w.-]*/y;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** @throws XmlError when the document is not well-formed. */
export function parseXml(source: string): XmlElement {
  return new Reader(source).document();
}

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 forbids them
    const bad = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.exec(source);
    if (bad !== null) throw new XmlError("a character that XML cannot hold", bad.index);
  }

  document(): XmlElement {
    if (this.#source.charCodeAt(0) === 0xfeff) this.#at = 1;
    if (this.#source.startsWith("<?xml", this.#at)) this.#skipPast("?>");
    this.#misc();
    if (this.#source[this.#at] !== "<") throw new XmlError("no root element", this.#at);
    const root = this.#element();
    this.#misc();
    if (this.#at < this.#source.length)
      throw new XmlError("something after the root element", this.#at);
    return root;
  }

  #element(): XmlElement {
    this.#expect("<");
    const name = this.#name();
    const attributes: Record<string, string> = {};
    for (;;) {
      const spaced = this.#space();
      if (this.#take("/>")) return { name, attributes, children: [], text: "" };
      if (this.#take(">")) break;
      if (!spaced) throw new XmlError("white space expected", this.#at);
      const attribute = this.#name();
      if (Object.hasOwn(attributes, attribute))
        throw new XmlError(`attribute ${attribute} twice`, this.#at);
      this.#space();
      this.#expect("=");
      this.#space();
      const quote = this.#source[this.#at];
      if (quote !== '"' && quote !== "'") throw new XmlError("quote expected", this.#at);
      const end = this.#source.indexOf(quote, ++this.#at);
      if (end < 0) throw new XmlError("unclosed attribute", this.#at);
      const raw = this.#source.slice(this.#at, end);
      if (raw.includes("<")) throw new XmlError("< in an attribute", this.#at);
      attributes[attribute] = this.#decode(raw);
      this.#at = end + 1;
    }
    const children: XmlElement[] = [];
    let text = "";
    for (;;) {
      const next = this.#source.indexOf("<", this.#at);
      if (next < 0) throw new XmlError(`<${name}> is not closed`, this.#at);
      text += this.#decode(this.#source.slice(this.#at, next));
      this.#at = next;
      if (this.#take("</")) {
        const closing = this.#name();
        if (closing !== name) throw new XmlError(`</${closing}> closes <${name}>`, this.#at);
        this.#space();
        this.#expect(">");
        return { name, attributes, children, text: text.trim() };
      }
      if (this.#take("<!--")) this.#skipPast("-->");
      else if (this.#take("<![CDATA[")) {
        const end = this.#source.indexOf("]]>", this.#at);
        if (end < 0) throw new XmlError("unclosed CDATA", this.#at);
        text += this.#source.slice(this.#at, end);
        this.#at = end + 3;
      } else children.push(this.#element());
    }
  }

  #decode(raw: string): string {
    const at = this.#at;
    return raw.replace(/&([^;\s&]*);?/g, (whole, name: string) => {
      if (!whole.endsWith(";")) throw new XmlError("a bare &", at);
      const known = ENTITIES[name];
      if (known !== undefined) return known;
      const code = /^#(?:x([0-9a-fA-F]+)|(\d+))$/.exec(name);
      if (code === null) throw new XmlError(`unknown entity ${whole}`, at);
      return String.fromCodePoint(
        code[1] === undefined ? Number(code[2]) : Number.parseInt(code[1], 16),
      );
    });
  }

  #misc(): void {
    for (;;) {
      this.#space();
      if (!this.#take("<!--")) return;
      this.#skipPast("-->");
    }
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const found = NAME.exec(this.#source);
    if (found === null) throw new XmlError("name expected", this.#at);
    this.#at = NAME.lastIndex;
    return found[0];
  }

  #space(): boolean {
    const from = this.#at;
    while (/\s/.test(this.#source[this.#at] ?? "")) this.#at++;
    return this.#at > from;
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new XmlError(`${text} expected`, this.#at);
  }

  #skipPast(text: string): void {
    const end = this.#source.indexOf(text, this.#at);
    if (end < 0) throw new XmlError(`${text} expected`, this.#at);
    this.#at = end + text.length;
  }
}
