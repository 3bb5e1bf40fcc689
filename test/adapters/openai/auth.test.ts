import { describe, expect, it } from "vitest";
import { authHeaders } from "../../../src/adapters/openai/auth.js";

describe("the header that carries the model's key", () => {
  it.each([
    ["api.openai.com", { Authorization: "Bearer k" }],
    ["127.0.0.1", { Authorization: "Bearer k" }],
    ["openai.azure.com.evil.example", { Authorization: "Bearer k" }],
    ["res.openai.azure.com", { "api-key": "k" }],
    ["RES.OpenAI.Azure.com", { "api-key": "k" }],
    ["res.cognitiveservices.azure.com", { "api-key": "k" }],
    ["res.services.ai.azure.com", { "api-key": "k" }],
  ])("to %s is %j", (host, headers) => {
    expect(authHeaders(host, "k")).toEqual(headers);
  });
});
