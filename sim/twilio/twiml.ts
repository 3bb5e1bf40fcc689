/**
 * TwiML, checked strictly: only the verbs, nouns and attributes of Twilio's Voice reference, URLs
 * absolute, nothing malformed. Twilio runs most such documents with a warning (12200); here each
 * is a violation.
 */
import { type Shape, VERBS } from "./twiml-grammar.js";
import { parseXml, type XmlElement, XmlError } from "./xml.js";

export interface TwimlDocument {
  readonly verbs: readonly XmlElement[];
  /** What is wrong with it. */
  readonly violations: readonly string[];
  /** False: Twilio does not run it at all (12100). */
  readonly readable: boolean;
}

/** @param waiting  a `waitUrl` document: fewer verbs are allowed there. */
export function checkTwiml(source: string, waiting = false): TwimlDocument {
  let root: XmlElement;
  try {
    root = parseXml(source);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { verbs: [], violations: [`12100: ${error.message}`], readable: false };
  }
  if (root.name !== "Response")
    return { verbs: [], violations: [`12100: the root is <${root.name}>`], readable: false };
  const violations: string[] = [];
  if (Object.keys(root.attributes).length > 0) violations.push("<Response> has attributes");
  if (root.text !== "") violations.push("text between the verbs");
  let readable = true;
  const fatal = () => {
    readable = false;
  };
  for (const [i, verb] of root.children.entries()) {
    checkElement(verb, VERBS[verb.name], verb.name, violations, fatal);
    if (verb.name === "Reject" && i > 0) violations.push("<Reject> is not the first verb");
    if (
      verb.name === "Dial" &&
      verb.attributes["action"] === undefined &&
      i === root.children.length - 1
    )
      violations.push("<Dial> without action at the end: the relay never learns how it ended");
    if (waiting && !WAITING.includes(verb.name))
      violations.push(`<${verb.name}> in a waitUrl document`);
    if (!waiting && verb.name === "Leave") violations.push("<Leave> outside a waitUrl document");
  }
  return { verbs: root.children, violations, readable };
}

const WAITING = ["Play", "Say", "Pause", "Gather", "Hangup", "Redirect", "Leave"];

function checkElement(
  element: XmlElement,
  shape: Shape | undefined,
  path: string,
  violations: string[],
  fatal: () => void,
): void {
  if (shape === undefined) {
    violations.push(`<${path}> is not known here`);
    return;
  }
  for (const [name, value] of Object.entries(element.attributes)) {
    const check = shape.attributes?.[name];
    if (check === undefined) violations.push(`<${path}> has no attribute ${name}`);
    else {
      const fault = check(value);
      if (fault !== null) violations.push(`<${path} ${name}="${value.slice(0, 60)}"> ${fault}`);
    }
  }
  for (const name of shape.required ?? [])
    if (element.attributes[name] === undefined) violations.push(`<${path}> lacks ${name}`);
  const [least, most] = shape.count ?? [0, Number.POSITIVE_INFINITY];
  if (element.children.length < least || element.children.length > most)
    violations.push(`<${path}> has ${element.children.length} children`);
  if (shape.text === "required" && element.text === "") violations.push(`<${path}> is empty`);
  if ((shape.text ?? "none") === "none" && element.text !== "")
    violations.push(`<${path}> has text`);
  const fault = shape.rule?.(element) ?? null;
  if (fault !== null) violations.push(`<${path}> ${fault}`);
  if (fault !== null && shape.fatal === true) fatal();
  for (const child of element.children)
    checkElement(child, shape.children?.[child.name], `${path}/${child.name}`, violations, fatal);
}
