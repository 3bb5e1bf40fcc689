/**
 * Requests as Twilio makes them: form posts with X-Twilio-Signature, and what the TwiML in the
 * answer says. Source: twilio.com/docs/usage/security, twilio.com/docs/voice/twiml/stream.
 */
import { createHmac } from "node:crypto";
import { Agent, request } from "node:http";
import { request as requestTls } from "node:https";

export interface TwilioAccount {
  readonly accountSid: string;
  readonly authToken: string;
}

export function signature(
  account: TwilioAccount,
  url: string,
  form: Readonly<Record<string, string>>,
): string {
  const signed = Object.keys(form)
    .sort()
    .reduce((text, name) => text + name + form[name], url);
  return createHmac("sha1", account.authToken).update(signed).digest("base64");
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const TIMEOUT_MS = 15_000;

/** @throws Error without an answer within 15 s. */
export function post(
  account: TwilioAccount,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<Answer> {
  const body = new URLSearchParams(form).toString();
  const secure = url.startsWith("https:");
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? requestTls : request)(
      url,
      {
        method: "POST",
        ...(secure ? {} : { agent }),
        timeout: TIMEOUT_MS,
        headers: {
          "content-type": "application/x-www-form-urlencoded; charset=utf-8",
          "content-length": Buffer.byteLength(body),
          "user-agent": "TwilioProxy/1.1",
          "x-twilio-signature": signature(account, url, form),
        },
      },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          text += chunk;
        });
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: text }));
        incoming.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

export interface StreamOrder {
  readonly url: string;
  /** Where Twilio asks for what follows the stream; null: nowhere. */
  readonly action: string | null;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Finds `<Connect><Stream>` in TwiML; null when there is none. */
export function readStream(twiml: string): StreamOrder | null {
  const stream = /<Stream\b([^>]*?)(\/>|>([\s\S]*?)<\/Stream>)/.exec(twiml);
  const url = stream === null ? null : attribute(stream[1]!, "url");
  if (stream === null || url === null) return null;
  const connect = /<Connect\b([^>]*)>/.exec(twiml);
  const parameters: Record<string, string> = {};
  for (const [, attributes] of (stream[3] ?? "").matchAll(/<Parameter\b([^>]*?)\/?>/g)) {
    const name = attribute(attributes!, "name");
    if (name !== null) parameters[name] = attribute(attributes!, "value") ?? "";
  }
  return { url, action: connect === null ? null : attribute(connect[1]!, "action"), parameters };
}

function attribute(text: string, name: string): string | null {
  const found = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(text);
  return found === null ? null : unescapeXml(found[1] ?? found[2] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function unescapeXml(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return ENTITIES[name ?? ""] ?? whole;
    },
  );
}
