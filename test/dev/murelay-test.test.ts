/** `murelay test` on a project as `murelay init` writes it: the relay, the tools, the simulators. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { main, type TestOptions } from "../../dev/test-main.js";
import { ruleScript } from "../../sim/model/rule-script.js";
import { startModel } from "../../sim/model.js";
import { init } from "../../src/cli/init-command.js";
import { FakeIo } from "../fakes/fake-io.js";

let project = "";
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "murelay-test-"));
  await init(new FakeIo(), project, { human: "+15551112222" });
  // As npm install would.
  mkdirSync(join(project, "node_modules"));
  symlinkSync(process.cwd(), join(project, "node_modules", "murelay"));
});
afterAll(() => rmSync(project, { recursive: true }));

const WRITTEN = "conversations/support.yaml";

async function run(
  file: string,
  options: TestOptions = {},
  env: Readonly<Record<string, string>> = {},
) {
  const io = new FakeIo({ HUMAN_AGENT_NUMBER: "+15551112222", ...env });
  const status = await main(io, [join(project, file)], options);
  return { status, text: io.text, errors: io.errors.join("\n") };
}

describe.concurrent("murelay test", () => {
  it("passes the conversations that init writes", async ({ expect }) => {
    const junit = join(project, "junit.xml");
    const { status, text, errors } = await run(WRITTEN, { junit });
    expect([status, errors]).toEqual([0, ""]);
    expect(text).toMatch(/^ok {4}.+\n(?:ok {4}.+\n)+\d conversations passed$/);
    expect(readFileSync(junit, "utf8")).toContain('failures="0"');
  });

  it("fails where one assertion does not hold, with a readable difference", async ({ expect }) => {
    const broken = readFileSync(join(project, WRITTEN), "utf8").replace("on its way", "delivered");
    writeFileSync(join(project, "conversations", "broken.yaml"), broken);
    const { status, text } = await run("conversations/broken.yaml", { only: "order" });
    expect(status).toBe(1);
    expect(text).toContain("expected  says: delivered");
    expect(text).toMatch(/actual {4}the agent said: “.*on its way/);
    expect(text).toMatch(/broken\.yaml:\d+ turn 2/);
  });

  it("runs what the file says of the model, and prints JSON", async ({ expect }) => {
    writeFileSync(
      join(project, "conversations", "scripted.yaml"),
      `agents_file: ../agents.yaml
conversations:
  - name: scripted
    turns:
      - caller: And?
        model:
          - {say: Let me see., call: order_status, arguments: {order: "1001"}}
          - {say: It was delivered.}
        expect: {tools: [{name: order_status, output: {status: delivered}}], says: It was delivered}
      - press: "0"
        expect: {transfer: human}
`,
    );
    const { status, text } = await run("conversations/scripted.yaml", { json: true });
    expect([status, JSON.parse(text)]).toMatchObject([0, { ok: true }]);
  });

  it("takes keys that a caller presses for words that the simulated model asked for", async ({
    expect,
  }) => {
    writeFileSync(
      join(project, "conversations", "keyed.yaml"),
      `agents_file: ../agents.yaml
conversations:
  - name: keyed
    turns:
      - caller: Where is my order?
        expect: {tools: [], says: Please tell me the order}
      - press: "4217#"
        expect: {tool: {name: order_status, arguments: {order: "4217"}}, says: on its way}
`,
    );
    const { status, text } = await run("conversations/keyed.yaml");
    expect([status, text]).toEqual([0, expect.stringContaining("1 conversation passed")]);
  });

  it("takes the settings of a production relay, and reaches none of its services", async ({
    expect,
  }) => {
    const env = {
      OPENAI_API_KEY_FILE: join(project, "key"),
      TWILIO_AUTH_TOKEN_FILE: join(project, "token"),
      TWILIO_API_KEY: "SK0123",
      TWILIO_API_SECRET: "secret",
      PUBLIC_URL: "https://voice.example.com",
      MEDIA_URL: "wss://media.example.com/{node}/{worker}",
      WORKERS: "2",
      HTTPS_PROXY: "http://127.0.0.1:9",
      DATABASE_URL: "postgres://nowhere.example/murelay",
    };
    writeFileSync(env.OPENAI_API_KEY_FILE, "sk-real");
    writeFileSync(env.TWILIO_AUTH_TOKEN_FILE, "real");
    const { status, errors } = await run(WRITTEN, { only: "person" }, env);
    expect([status, errors]).toEqual([0, ""]);
  });

  it("waits for a tool that takes its time", async ({ expect }) => {
    writeFileSync(
      join(project, "tools", "slow.mjs"),
      `import { defineTool } from "murelay";
export default defineTool({
  description: "Slow search",
  parameters: { type: "object", properties: {} },
  timeoutMs: 9_000,
  run: () => new Promise((resolve) => setTimeout(() => resolve("found at last"), 2_000)),
});`,
    );
    writeFileSync(
      join(project, "slow.yaml"),
      "agents: {support: {instructions: x, tools: [slow]}}\ntools: {slow: {module: ./tools/slow.mjs}}",
    );
    writeFileSync(
      join(project, "conversations", "slow.yaml"),
      `agents_file: ../slow.yaml
conversations:
  - name: slow
    turns: [{caller: "Please search, slow or not", expect: {tool: slow, says: found at last}}]
`,
    );
    const { status, text } = await run("conversations/slow.yaml");
    expect([status, text]).toEqual([0, expect.stringContaining("1 conversation passed")]);
  });

  it("sends the caller's words to the model that the settings name, and waits for its tools", async ({
    expect,
  }) => {
    const model = await startModel({ script: (session) => ruleScript(session, { speechMs: 200 }) });
    try {
      const env = { OPENAI_API_KEY: model.apiKey, OPENAI_REALTIME_URL: model.url };
      const { status, text } = await run(WRITTEN, { model: "openai", only: "order" }, env);
      expect([status, text]).toEqual([0, expect.stringContaining("1 conversation passed")]);
      expect(model.violations()).toEqual([]);
    } finally {
      await model.close();
    }
  });

  it.for<[string, string, TestOptions, string]>([
    ["a file that is not there", "nothing.yaml", {}, "cannot be read"],
    ["a name that no conversation has", WRITTEN, { only: "xyz" }, "xyz"],
    ["an unknown model", WRITTEN, { model: "other" }, "simulated or openai"],
    ["OpenAI's model without a key", WRITTEN, { model: "openai" }, "OPENAI_API_KEY"],
  ])("refuses %s", async ([, file, options, problem], { expect }) => {
    const { status, errors } = await run(file, options);
    expect(status).toBe(2);
    expect(errors).toContain(problem);
  });
});
