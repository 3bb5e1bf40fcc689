import { describe, expect, it } from "vitest";
import { hostName, isExpectedHost } from "../../src/http/host-check.js";

describe("the host of a request to the operator listener", () => {
  it.each([
    ["Relay:9464", "relay"],
    ["[::1]:9464", "::1"],
    ["10.0.0.7", "10.0.0.7"],
    ["", ""],
  ])("is read from %j as %j", (header, name) => {
    expect(hostName(header)).toBe(name);
  });

  it.each([
    ["localhost:9464", "127.0.0.1", true],
    ["127.0.0.1:9464", "127.0.0.1", true],
    ["[::1]:9464", "127.0.0.1", true],
    ["rebound.example.com:9464", "127.0.0.1", false],
    ["10.0.0.7:9464", "127.0.0.1", false],
    ["", "127.0.0.1", false],
    ["10.0.0.7:9464", "0.0.0.0", true],
    ["[fd00::7]:9464", "::", true],
    ["relay-1:9464", "0.0.0.0", true],
    ["relay.monitoring.svc.cluster.local:9464", "0.0.0.0", true],
    ["ops.example.com:9464", "ops.example.com", true],
    ["rebound.example.com:9464", "0.0.0.0", false],
    ["127.0.0.1.rebound.example:9464", "0.0.0.0", false],
    ["", "0.0.0.0", false],
  ])("%j with ADMIN_HOST %s is expected: %s", (header, adminHost, expected) => {
    expect(isExpectedHost(header, adminHost)).toBe(expected);
  });
});
