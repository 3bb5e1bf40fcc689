import { describe, expect, it } from "vitest";
import { runAgentsJob } from "../../../src/config/agents/agents-job.js";
import type { AgentsJob, FromAgentsJob } from "../../../src/config/agents/read-apart.js";

async function messagesOf(job: AgentsJob): Promise<readonly FromAgentsJob[]> {
  const sent: FromAgentsJob[] = [];
  await runAgentsJob(job, (message) => sent.push(message));
  return sent;
}

describe("a job of the process that reads agents files", () => {
  it("compiles schemas, each once, and names those that are none", async () => {
    const object = { type: "object" };
    const [compiled, ...more] = await messagesOf({
      job: "compile",
      schemas: [object, { type: "nonsense" }, { ...object }],
    });
    expect(more).toEqual([]);
    if (compiled?.type !== "compiled") throw new Error(compiled?.type);
    expect([...compiled.checks.keys()]).toEqual([JSON.stringify(object)]);
    expect([...compiled.refused]).toEqual([
      ['{"type":"nonsense"}', expect.stringContaining("not a JSON Schema")],
    ]);
  });

  it("tells the faults of a file", async () => {
    const config = {
      agentsFile: "/no/such/agents.yaml",
      openaiRealtimeModel: "m",
      humanAgentNumber: null,
      maxCallMinutes: 55,
    };
    expect(await messagesOf({ job: "read", config, env: {} })).toEqual([
      {
        type: "faults",
        file: config.agentsFile,
        faults: [expect.objectContaining({ problem: expect.stringContaining("no such file") })],
      },
    ]);
  });
});
