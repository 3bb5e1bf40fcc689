// The server behind the tool: replace it by your own. Run: ORDERS_TOKEN=… node backend.mjs
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const ORDERS = {
  4217: { status: "on its way", expected: "tomorrow" },
  1001: { status: "delivered", expected: null },
};

/** @returns the server, listening. */
export async function startBackend(token, port = 8931) {
  const server = createServer((request, response) => {
    const answer = (status, body) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.headers.authorization !== `Bearer ${token}`) {
      answer(401, { error: "unauthorized" });
      return;
    }
    const order = ORDERS[request.url?.split("/")[2] ?? ""];
    answer(200, order ?? { problem: "There is no such order." });
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await startBackend(process.env.ORDERS_TOKEN);
