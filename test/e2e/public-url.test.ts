/** What people paste into PUBLIC_URL: the relay says what is wrong with it, and does not start. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

async function serve(publicUrl: string): Promise<{ code: number; said: string }> {
  const child = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), resolve("src/cli.ts"), "serve"],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"] ?? "",
        HOST: "127.0.0.1",
        PORT: "0",
        ADMIN_PORT: "0",
        PUBLIC_URL: publicUrl,
        OPENAI_API_KEY: "sk-test",
        TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
        TWILIO_AUTH_TOKEN: "t".repeat(32),
      },
    },
  );
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  const [code] = (await once(child, "exit")) as [number];
  return { code, said };
}

describe("PUBLIC_URL", () => {
  it.each([
    ["a pasted webhook", "https://relay.example.com/incoming-call"],
    ["the SIP path's webhook", "HTTPS://relay.example.com/sip/incoming-call"],
    ["the stream's address", "wss://relay.example.com/media-stream"],
    ["a query", "https://relay.example.com/?a=b"],
  ])("with %s is a fault that names it, and nothing starts", async (_, publicUrl) => {
    const { code, said } = await serve(publicUrl);
    expect(code).toBe(2);
    expect(said).toMatch(/PUBLIC_URL.*(?:give only scheme and host|write https:\/\/)/);
    expect(said).not.toContain("listening");
  });
});
