/**
 * A public listener in a process of its own, so that the time its event loop is busy can be told
 * from the time of the test that sends. Any message is answered with that time, in ms. It is the
 * processor's time, because the loop of a process that waits for a core does nothing; that of V8's
 * helpers is in it, too.
 */
import { descriptorLimit, lowestFreeDescriptor } from "../../src/adapters/system/descriptors.js";
import { startPublic } from "../http/harness.js";

const side = await startPublic({
  descriptors: { limit: descriptorLimit(), lowestFree: lowestFreeDescriptor },
  webhookSecret: `whsec_${Buffer.from("secret").toString("base64")}`,
});
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ busyMs: (user + system) / 1000 });
});
process.send?.({ port: side.port });
