import { describe, expect, it } from "vitest";
import {
  defaultNodeName,
  flag,
  frames,
  nodeName,
  proxyExceptions,
  proxyUrl,
  secretText,
  url,
  whole,
} from "../../src/config/setting-values.js";

describe("values of settings", () => {
  it.each([
    [url({ secure: "wss" }), "WSS://Api.Example.com:443/Path/", "wss://api.example.com/Path"],
    [url({ secure: "https" }), "http://[::1]:80", "http://[::1]:80"],
    [
      url({ secure: "wss", placeholders: true }),
      "wss://{node}.x/{worker}",
      "wss://{node}.x/{worker}",
    ],
    [whole(0, 5), "5", 5],
    [frames(20, 200), "60", 60],
    [flag, "Yes", true],
    [flag, "0", false],
    [proxyUrl, "http://u:p@proxy:3128/", "http://u:p@proxy:3128"],
    [proxyExceptions, "*.x, ::1", "*.x, ::1"],
  ])("are read: row %#", (schema, text, expected) => {
    expect(schema.parse(text)).toBe(expected);
  });

  it.each([
    [whole(0, 5), "6", "is above 5"],
    [whole(0, 5), "0x1", "is not a whole number"],
    [frames(20, 200), "30", "is not a multiple of 20 ms, one Twilio frame"],
    [flag, "on", "is neither true nor false"],
    [secretText, "a b", "contains white space or a character that is not ASCII"],
    [url({ secure: "https" }), "https://a b", "contains white space"],
    [url({ secure: "https" }), "https://{node}.x", "contains a brace"],
    [url({ secure: "https" }), "https://", "is not an absolute URL"],
    [url({ secure: "https" }), "https://u@x", "contains a user name or password"],
    [url({ secure: "https" }), "https://x/?", "contains a query string"],
    [url({ secure: "https" }), "https://x/#", "contains a fragment (#)"],
    [
      url({ secure: "wss" }),
      "https://x",
      "must begin with wss://: write wss:// in place of https://",
    ],
    [proxyUrl, "ftp://x", "is neither http://… nor https://…"],
  ])("are refused with a reason: row %#", (schema, text, message) => {
    const result = schema.safeParse(text);
    expect(result.error?.issues[0]?.message).toBe(message);
  });

  it("include a node name for every host name", () => {
    expect(nodeName.safeParse(defaultNodeName()).success).toBe(true);
  });
});
