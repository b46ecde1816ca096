// The page: says where it is, and asks the API by its own name, from the browser.
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

http.createServer((_request, response) => {
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(page);
}).listen(3000, () => process.stdout.write(`web: ${process.env.MOAT_URL_WEB}\n`));
