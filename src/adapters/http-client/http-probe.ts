/**
 * Plain questions over HTTP, for commands that a person runs: short, bounded, and a failure is an answer.
 */
export interface ProbeAnswer {
  /** 0: nobody answered; `body` then says why. */
  readonly status: number;
  /** The first 64 KiB. */
  readonly body: string;
  /** What the other side thinks is now, ms since the epoch; null when it does not say. */
  readonly dateEpochMs: number | null;
}

const TIMEOUT_MS = 8000;
const MAX_CHARACTERS = 65_536;

export function probe(url: string, bearer: string | null = null): Promise<ProbeAnswer> {
  return ask(url, { headers: authorization(bearer) });
}

export function postJson(url: string, body: unknown, bearer: string | null): Promise<ProbeAnswer> {
  return ask(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...authorization(bearer) },
    body: JSON.stringify(body),
  });
}

export function postText(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<ProbeAnswer> {
  return ask(url, { method: "POST", headers, body });
}

async function ask(url: string, init: RequestInit): Promise<ProbeAnswer> {
  try {
    const response = await fetch(url, {
      ...init,
      // Credentials go to the address that was given and to no other.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const date = Date.parse(response.headers.get("date") ?? "");
    const body = (await response.text()).slice(0, MAX_CHARACTERS);
    return { status: response.status, body, dateEpochMs: Number.isNaN(date) ? null : date };
  } catch (error) {
    return { status: 0, body: reason(error), dateEpochMs: null };
  }
}

/** fetch says "fetch failed" and hides why in the cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return "code" in cause ? String(cause.code) : cause.message;
  return error.name === "TimeoutError" ? `no answer in ${TIMEOUT_MS / 1000} s` : error.message;
}

function authorization(bearer: string | null): Record<string, string> {
  return bearer === null ? {} : { authorization: `Bearer ${bearer}` };
}
