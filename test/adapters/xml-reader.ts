/**
 * A small strict reader of XML 1.0, as far as TwiML uses it: declaration, elements, attributes, text, references. It
 * normalises line ends and attribute values as the standard wants (sections 2.11 and 3.3.3), and throws on the rest.
 */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

const NAME = /[A-Za-z_][\w.-]*/y;
const ILLEGAL = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const NAMED: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

export function parseXml(xml: string): XmlElement {
  if (ILLEGAL.test(xml)) throw new Error("a character that XML does not allow");
  const reader = new Reader(xml.replace(/\r\n?/g, "\n"));
  reader.take('<?xml version="1.0" encoding="UTF-8"?>');
  const root = reader.element();
  if (!reader.done) throw new Error("something after the root");
  return root;
}

export function childrenOf(root: XmlElement): readonly XmlElement[] {
  if (root.name !== "Response") throw new Error(`the root is ${root.name}`);
  return root.children;
}

class Reader {
  readonly #xml: string;
  #at = 0;

  constructor(xml: string) {
    this.#xml = xml;
  }

  get done(): boolean {
    return this.#at === this.#xml.length;
  }

  take(text: string): void {
    if (!this.#xml.startsWith(text, this.#at)) throw new Error(`expected ${text} at ${this.#at}`);
    this.#at += text.length;
  }

  element(): XmlElement {
    this.take("<");
    const name = this.#name();
    const attributes: Record<string, string> = {};
    while (this.#xml[this.#at] === " ") {
      this.take(" ");
      const attribute = this.#name();
      this.take('="');
      if (Object.hasOwn(attributes, attribute)) throw new Error(`two attributes ${attribute}`);
      attributes[attribute] = this.#until('"', true);
      this.take('"');
    }
    if (this.#xml.startsWith("/>", this.#at)) {
      this.take("/>");
      return { name, attributes, text: "", children: [] };
    }
    this.take(">");
    let text = "";
    const children: XmlElement[] = [];
    for (;;) {
      text += this.#until("<", false);
      if (this.#xml.startsWith("</", this.#at)) {
        this.take(`</${name}>`);
        return { name, attributes, text, children };
      }
      children.push(this.element());
    }
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#xml)?.[0];
    if (name === undefined) throw new Error(`no name at ${this.#at}`);
    this.#at += name.length;
    return name;
  }

  #until(end: string, inAttribute: boolean): string {
    const stop = this.#xml.indexOf(end, this.#at);
    if (stop < 0) throw new Error(`no ${end} after ${this.#at}`);
    const raw = this.#xml.slice(this.#at, stop);
    this.#at = stop;
    if (raw.includes("<") || (!inAttribute && raw.includes("]]>")))
      throw new Error("bare markup in text");
    const spaced = inAttribute ? raw.replace(/[\t\n\r]/g, " ") : raw;
    return spaced.replace(/&([^;&]*);?/g, (whole, body: string) => {
      if (!whole.endsWith(";")) throw new Error(`a bare & in ${raw}`);
      const number = /^#(?:x([0-9A-Fa-f]+)|(\d+))$/.exec(body);
      if (number !== null)
        return String.fromCodePoint(
          Number.parseInt(number[1] ?? number[2] ?? "", number[1] ? 16 : 10),
        );
      const named = NAMED[body];
      if (named === undefined) throw new Error(`unknown entity ${body}`);
      return named;
    });
  }
}
