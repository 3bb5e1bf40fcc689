/**
 * X-Twilio-Signature, written from Twilio's description and not with the code that checks it.
 * Source: twilio.com/docs/usage/security, "Validating Signatures".
 */
import { createHmac } from "node:crypto";

/**
 * base64(HMAC-SHA1(token, url + sorted name + value …)). The URL is signed without an HTTPS port
 * and without credentials.
 */
export function sign(
  authToken: string,
  url: string,
  form: Readonly<Record<string, string>> = {},
): string {
  let data = signedUrl(url);
  for (const name of Object.keys(form).sort()) data += name + form[name];
  return createHmac("sha1", authToken).update(data, "utf8").digest("base64");
}

function signedUrl(url: string): string {
  return url
    .replace(/#.*$/s, "")
    .replace(/^(\w+:\/\/)([^/?]*)/, (_all, scheme: string, authority: string) => {
      const host = authority.slice(authority.lastIndexOf("@") + 1);
      return scheme + (scheme === "https://" ? host.replace(/:\d+$/, "") : host);
    });
}

/** How a request's signature is spoilt, for security tests. */
export type Forgery =
  /** No header at all. */
  | "missing"
  /** Not even base64. */
  | "garbage"
  /** Right in form, made with another token. */
  | "wrong_token"
  /** Made for another path of the same origin. */
  | "wrong_url"
  /** Made over a form that differs in one value. */
  | "wrong_form"
  /** Made over the inner address that a proxy would see. */
  | "inner_url"
  /** Made over `https://` where `wss://` was signed, and the other way round. */
  | "wrong_scheme"
  /** Good: URL with a `/` at the end, which Twilio is known to sign for sockets. */
  | "trailing_slash";

export function signatureHeader(
  authToken: string,
  url: string,
  form: Readonly<Record<string, string>>,
  forgery: Forgery | null,
  innerUrl: string,
): Record<string, string> {
  switch (forgery) {
    case null:
      return { "x-twilio-signature": sign(authToken, url, form) };
    case "missing":
      return {};
    case "garbage":
      return { "x-twilio-signature": "not a signature" };
    case "wrong_token":
      return { "x-twilio-signature": sign(`${authToken.slice(1)}x`, url, form) };
    case "wrong_url":
      return { "x-twilio-signature": sign(authToken, `${url}-other`, form) };
    case "wrong_form":
      return { "x-twilio-signature": sign(authToken, url, { ...form, From: "+15559999999" }) };
    case "inner_url":
      return { "x-twilio-signature": sign(authToken, innerUrl, form) };
    case "wrong_scheme":
      return {
        "x-twilio-signature": sign(
          authToken,
          url.replace(/^(wss|https)/, (scheme) => (scheme === "wss" ? "https" : "wss")),
          form,
        ),
      };
    case "trailing_slash":
      return { "x-twilio-signature": sign(authToken, `${url}/`, form) };
  }
}
