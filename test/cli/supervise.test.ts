import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { helperThreadFlags } from "../../src/adapters/system/helper-threads.js";
import { youngGenerationFlags } from "../../src/adapters/system/v8-flags.js";
import { checkPortIsFree, programOf } from "../../src/cli/supervise.js";

describe("the program of a worker", () => {
  it.each([
    [["serve"], []],
    [
      ["--settings", "a.env", "serve", "--record"],
      ["--settings", "a.env"],
    ],
    [["serve", "--settings=a.env"], ["--settings=a.env"]],
  ])("has the settings of %j", (args, globalArgs) => {
    const process = { argv: ["node", "/opt/cli.js", ...args], execArgv: ["--import=tsx"] };
    expect(programOf(process, ["--record"])).toEqual({
      script: "/opt/cli.js",
      execArgv: ["--import=tsx", ...youngGenerationFlags, ...helperThreadFlags],
      globalArgs,
      workerArgs: ["--record"],
    });
  });
});

describe("checkPortIsFree", () => {
  const HOST = "127.0.0.1";

  async function taken() {
    const server = createServer().listen(0, HOST);
    await once(server, "listening");
    return { server, port: (server.address() as AddressInfo).port };
  }

  it("refuses a port that another program listens on, after some tries", async () => {
    const { server, port } = await taken();
    await expect(checkPortIsFree({ host: HOST, port }, 1)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining(`${HOST}:${port} cannot be listened on`),
    });
    server.close();
  });

  it("takes a port that becomes free meanwhile, and any port that is not named", async () => {
    const { server, port } = await taken();
    const checked = checkPortIsFree({ host: HOST, port }, 20);
    server.close();
    await checked;
    await checkPortIsFree({ host: HOST, port: 0 }, 1);
  });
});
