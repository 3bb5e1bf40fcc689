import { describe, expect, it } from "vitest";
import { ProxyRules } from "../../../src/adapters/network/proxy-rules.js";

const PROXY = "http://proxy.example:3128";

describe("the rules of the forward proxy", () => {
  it("send nothing through a proxy while none is set", () => {
    expect(new ProxyRules(null, null).proxyFor("api.openai.com", 443)).toBeNull();
  });

  it.each([
    [PROXY, { host: "proxy.example", port: 3128, secure: false, authorization: null }],
    [
      "http://proxy.example",
      { host: "proxy.example", port: 80, secure: false, authorization: null },
    ],
    [
      "https://proxy.example",
      { host: "proxy.example", port: 443, secure: true, authorization: null },
    ],
    ["http://[::1]:8", { host: "::1", port: 8, secure: false, authorization: null }],
    [
      "http://us%40er:pass%20word@proxy.example:1",
      {
        host: "proxy.example",
        port: 1,
        secure: false,
        authorization: `Basic ${Buffer.from("us@er:pass word").toString("base64")}`,
      },
    ],
  ])("read %s", (url, expected) => {
    expect(new ProxyRules(url, null).proxyFor("api.openai.com", 443)).toEqual(expected);
  });

  it.each(["localhost", "127.0.0.1", "::1"])(
    "take %s of this machine for a host like others, as curl does",
    (host) => {
      expect(new ProxyRules(PROXY, null).proxyFor(host, 443)).not.toBeNull();
      expect(new ProxyRules(PROXY, host).proxyFor(host, 443)).toBeNull();
    },
  );

  it.each([
    ["*", "api.openai.com", 443, true],
    ["example.com", "example.com", 443, true],
    ["example.com", "crm.example.com", 443, true],
    [".example.com", "example.com", 443, true],
    ["*.example.com", "crm.example.com", 443, true],
    ["example.com", "badexample.com", 443, false],
    ["EXAMPLE.com", "Crm.Example.COM.", 443, true],
    ["example.com:8443", "example.com", 443, false],
    ["example.com:8443", "example.com", 8443, true],
    ["10.0.0.0/8", "10.1.2.3", 443, true],
    ["10.0.0.0/8", "11.1.2.3", 443, false],
    ["10.0.0.0/8", "10.example", 443, false],
    ["192.168.1.7", "192.168.1.7", 443, true],
    ["fd00::1", "fd00::1", 443, true],
    ["[fd00::1]:8443", "fd00::1", 8443, true],
    ["[fd00::1]:8443", "fd00::1", 443, false],
    ["a.example, b.example c.example", "c.example", 443, true],
    ["", "api.openai.com", 443, false],
  ])("NO_PROXY=%s, %s:%i is direct: %s", (noProxy, host, port, isDirect) => {
    expect(new ProxyRules(PROXY, noProxy).proxyFor(host, port) === null).toBe(isDirect);
  });
});
