// The page: says where it is, and asks the API by its own name, from the browser. /server asks it from
// here, inside the run, by the same URL.
const http = require("node:http");

const page = `<!doctype html>
<title>multi-service</title>
<h1>web</h1>
<p>This page is ${process.env.MOAT_URL_WEB}; the API is ${process.env.MOAT_URL_API}.</p>
<p>Visits: <output>…</output></p>
<script>
  const api = ${JSON.stringify(process.env.MOAT_URL_API)};
  new EventSource(api + "/events").onmessage = ({ data }) =>
    document.querySelector("output").textContent = data;
  fetch(api + "/visit");
</script>
`;

http.createServer((request, response) => {
  if (request.url === "/server") {
    http.get(process.env.MOAT_URL_API, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    }).on("error", ({ message }) => response.writeHead(502).end(`${message}\n`));
    return;
  }
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(page);
}).listen(3000, () => process.stdout.write(`web: ${process.env.MOAT_URL_WEB}\n`));
