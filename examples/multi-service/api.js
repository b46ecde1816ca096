// The API: counts visits, and tells them as they come (server-sent events at /events).
const http = require("node:http");

let visits = 0;
const listeners = new Set();

http.createServer((request, response) => {
  // The page comes from another name, so a browser asks whether it may read this.
  response.setHeader("Access-Control-Allow-Origin", process.env.MOAT_URL_WEB ?? "*");
  if (request.url === "/events") {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    response.write(`data: ${visits}\n\n`);
    listeners.add(response);
    request.on("close", () => listeners.delete(response));
    return;
  }
  visits++;
  for (const listener of listeners) listener.write(`data: ${visits}\n\n`);
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ service: "api", visits, url: process.env.MOAT_URL_API }) + "\n");
}).listen(4000, () => process.stdout.write(`api: ${process.env.MOAT_URL_API}\n`));
