/**
 * A public listener in a process of its own, so that the time its event loop is busy can be told
 * from the time of the test that sends. Any message is answered with that time, in ms.
 */
import { performance } from "node:perf_hooks";
import { descriptorLimit, lowestFreeDescriptor } from "../../src/adapters/system/descriptors.js";
import { startPublic } from "../http/harness.js";

const side = await startPublic({
  descriptors: { limit: descriptorLimit(), lowestFree: lowestFreeDescriptor },
  webhookSecret: `whsec_${Buffer.from("secret").toString("base64")}`,
});
process.on("message", () => {
  process.send?.({ busyMs: performance.eventLoopUtilization().active });
});
process.send?.({ port: side.port });
