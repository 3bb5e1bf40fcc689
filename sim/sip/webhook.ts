/** The model's webhooks: signed by the `standardwebhooks` package, and spoilt on demand. */
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { Webhook } from "standardwebhooks";

/** How a delivery is spoilt, for security tests. */
export type WebhookForgery =
  /** Without any of the three headers. */
  | "unsigned"
  /** Signed with another secret. */
  | "wrong_secret"
  /** Signed over another body. */
  | "wrong_body"
  /** Signed under another id. */
  | "wrong_id"
  /** Signed as if sent at another time. */
  | "wrong_time"
  /** Not even base64. */
  | "garbage"
  /** Good in all but its version: `v2,…`. */
  | "wrong_version"
  /** Good: three entries, as after a rotation of keys; the last is right. */
  | "rotated";

export interface Delivery {
  readonly url: string;
  readonly body: string;
  /** Default a new one. */
  readonly id?: string;
  /** Unix seconds; default now. */
  readonly timestampS?: number;
  readonly forgery?: WebhookForgery | null;
}

export interface DeliveryReply {
  /** `webhook-id`. */
  readonly id: string;
  /** 0: no answer. */
  readonly status: number;
}

const TIMEOUT_MS = 10_000;

/** One POST. Never rejects. */
export function deliver(secret: string, delivery: Delivery): Promise<DeliveryReply> {
  const id = delivery.id ?? `wh_${randomUUID().replaceAll("-", "")}`;
  const timestampS = delivery.timestampS ?? Math.floor(Date.now() / 1000);
  const headers = headersOf(secret, id, timestampS, delivery);
  return new Promise((resolve) => {
    const outgoing = request(
      delivery.url,
      {
        method: "POST",
        timeout: TIMEOUT_MS,
        headers: {
          "user-agent": "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)",
          "content-type": "application/json",
          "content-length": Buffer.byteLength(delivery.body),
          ...headers,
        },
      },
      (response) => {
        response.on("error", () => resolve({ id, status: 0 }));
        response.on("end", () => resolve({ id, status: response.statusCode ?? 0 }));
        response.resume();
      },
    );
    outgoing.on("timeout", () => outgoing.destroy());
    outgoing.on("error", () => resolve({ id, status: 0 }));
    outgoing.end(delivery.body);
  });
}

function headersOf(
  secret: string,
  id: string,
  timestampS: number,
  { body, forgery = null }: Delivery,
): Record<string, string> {
  const sign = (over: { secret?: string; id?: string; timestampS?: number; body?: string } = {}) =>
    new Webhook(over.secret ?? secret).sign(
      over.id ?? id,
      new Date((over.timestampS ?? timestampS) * 1000),
      over.body ?? body,
    );
  const other = `whsec_${Buffer.from("another secret, of another project").toString("base64")}`;
  const signed = (signature: string) => ({
    "webhook-id": id,
    "webhook-timestamp": String(timestampS),
    "webhook-signature": signature,
  });
  switch (forgery) {
    case null:
      return signed(sign());
    case "unsigned":
      return {};
    case "wrong_secret":
      return signed(sign({ secret: other }));
    case "wrong_body":
      return signed(sign({ body: `${body} ` }));
    case "wrong_id":
      return signed(sign({ id: `${id}x` }));
    case "wrong_time":
      return signed(sign({ timestampS: timestampS - 1 }));
    case "garbage":
      return signed("v1,not a signature");
    case "wrong_version":
      return signed(sign().replace(/^v1,/, "v2,"));
    case "rotated":
      return signed(`${sign({ secret: other })} v1a,AAAA ${sign()}`);
  }
}
