/** OPERATORS_FILE is read by the supervisor, for all of its workers. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";

const PUBLIC_URL = "https://relay.test";

let home: string;
let file: string;
let model: SimulatedModel;
let twilio: SimulatedTwilio;
let node: RelayNode;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "murelay-operators-"));
  file = join(home, "operators.yaml");
  write("ada");
  model = await startModel({ script: { turns: [{ say: "Hello." }] } });
  twilio = await startTwilio({ publicUrl: PUBLIC_URL });
  const env = { WORKERS: "2", OPERATORS_FILE: file };
  node = await startNode({ model, twilio, publicUrl: PUBLIC_URL }, env);
}, 90_000);
afterAll(async () => {
  await node?.remove();
  await twilio?.close();
  await model?.close();
  rmSync(home, { recursive: true, force: true });
});

const tokenOf = (name: string) => `token-of-${name}-token-of-${name}`;

function write(name: string): void {
  const hash = createHash("sha256").update(tokenOf(name)).digest("hex");
  writeFileSync(file, `operators:\n  ${name}: {role: viewer, token_sha256: ${hash}}\n`);
}

/** Of the workers in turn. */
async function statuses(name: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (let i = 0; i < 4; i++) {
    const headers = { authorization: `Bearer ${tokenOf(name)}` };
    const url = `http://127.0.0.1:${node.adminPort}/api/agents`;
    found.push((await fetch(url, { headers })).status);
  }
  return found;
}

describe("SIGHUP", () => {
  it("lets in whom the operators file names now, at every worker, and nobody else", async () => {
    expect(await statuses("ada")).toEqual([200, 200, 200, 200]);
    write("ben");
    process.kill(node.pid, "SIGHUP");
    await expect
      .poll(() => statuses("ben"), { timeout: 30_000, interval: 500 })
      .toEqual([200, 200, 200, 200]);
    expect(await statuses("ada")).toEqual([401, 401, 401, 401]);
    writeFileSync(file, "operators: [");
    process.kill(node.pid, "SIGHUP");
    await expect.poll(() => node.log(), { timeout: 30_000 }).toContain("file not reloaded");
    await expect.poll(() => node.log().split("agents: file reloaded").length).toBe(5);
    expect(await statuses("ben")).toEqual([200, 200, 200, 200]);
    // A worker that takes the place of another one has what is in force, not what the file says.
    const [, before] = node.workers();
    process.kill(before!, "SIGKILL");
    await expect.poll(() => node.workers()[1], { timeout: 30_000 }).not.toBe(before);
    expect(await statuses("ben")).toEqual([200, 200, 200, 200]);
  }, 90_000);
});
