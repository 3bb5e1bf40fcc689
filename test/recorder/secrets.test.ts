import { expect, it } from "vitest";
import { withoutSecrets } from "../../src/recorder/secrets.js";

it("hides what lets one into an MCP server, however deep, and nothing else", () => {
  const update = {
    type: "session.update",
    session: {
      tools: [
        { type: "mcp", server_label: "crm", authorization: "Bearer a", headers: { "x-key": "b" } },
        { type: "function", name: "headers" },
      ],
    },
  };
  const hidden = withoutSecrets(JSON.stringify(update));
  expect(hidden).not.toMatch(/Bearer a|"b"/);
  expect(JSON.parse(hidden).session.tools).toEqual([
    { type: "mcp", server_label: "crm", authorization: "[hidden]", headers: "[hidden]" },
    { type: "function", name: "headers" },
  ]);
});

it("leaves text without an MCP server as it is, byte for byte", () => {
  const json = '{ "type":"note", "headers":"spaces  stay" }';
  expect(withoutSecrets(json)).toBe(json);
});
