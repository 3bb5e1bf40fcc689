import { describe, expect, it } from "vitest";
import { MediaAddresses } from "../../src/http/media-paths.js";

const addresses = (template: string, own = template, prefix = "") =>
  new MediaAddresses({ template, own, prefix });

describe("the addresses of streams", () => {
  it("are the fixed path, that of MEDIA_URL and those behind PUBLIC_URL's path, each with a slash", () => {
    const { patterns } = addresses("wss://a.example/relay/stream", undefined, "/relay");
    expect([...patterns]).toEqual([
      "/media-stream",
      "/media-stream/",
      "/relay/media-stream",
      "/relay/media-stream/",
      "/relay/stream",
      "/relay/stream/",
    ]);
    expect(addresses("wss://a.example").patterns.has("/")).toBe(false);
  });

  it("are signed with and without a final slash", () => {
    const here = addresses("wss://a/m/");
    for (const path of ["/m", "/m/", "/media-stream"])
      expect(here.signedUrls(path)).toEqual(["wss://a/m", "wss://a/m/"]);
    expect(here.signedUrls("/other")).toEqual([]);
  });

  it("with placeholders, are those of every process, each signed for its own address", () => {
    const here = addresses("wss://a:8443/m/{node}/w{worker}", "wss://a:8443/m/node1/w0");
    expect([...here.patterns]).toEqual([
      "/media-stream",
      "/media-stream/",
      "/m/node1/w0",
      "/m/node1/w0/",
      "/m/:part2/:part3",
      "/m/:part2/:part3/",
    ]);
    const own = ["wss://a:8443/m/node1/w0", "wss://a:8443/m/node1/w0/"];
    expect(here.signedUrls("/m/node1/w0")).toEqual(own);
    // A proxy may replace the path.
    expect(here.signedUrls("/media-stream")).toEqual(own);
    const other = ["wss://a:8443/m/relay-2.eu/w11", "wss://a:8443/m/relay-2.eu/w11/"];
    expect(here.signedUrls("/m/relay-2.eu/w11")).toEqual(other);
    expect(here.signedUrls("/m/relay-2.eu/w11/")).toEqual(other);
    for (const path of ["/m/node1", "/m/node1/w", "/m/no%20de/w1", "/m/node1/w1/2", "/m/node1/1"])
      expect(here.signedUrls(path)).toEqual([]);
  });

  it("takes the template literally around its placeholders", () => {
    const here = addresses("wss://a/m.x+(1)/{node}", "wss://a/m.x+(1)/n1");
    expect(here.signedUrls("/m.x+(1)/n2")).toEqual(["wss://a/m.x+(1)/n2", "wss://a/m.x+(1)/n2/"]);
    expect(here.signedUrls("/mxx+(1)/n2")).toEqual([]);
  });

  it("are only this process's own where the host name leads to it", () => {
    const here = addresses("wss://{node}.a/m/{worker}", "wss://node1.a/m/0");
    expect(here.signedUrls("/m/0")).toEqual(["wss://node1.a/m/0", "wss://node1.a/m/0/"]);
    expect(here.signedUrls("/m/1")).toEqual([]);
  });
});
