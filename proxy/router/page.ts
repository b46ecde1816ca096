/**
 * The frame of the router's own pages. No script, nothing loaded from elsewhere.
 *
 * @module
 */

const STYLE = [
  ":root{color-scheme:light dark}",
  "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}",
  "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-bottom:.2rem}",
  "small{opacity:.65;font-weight:normal}ul{margin-top:0}",
  "code{font-size:.95em;padding:.1em .3em;background:#8883;border-radius:3px}",
].join("");

/** A whole page; the body is HTML already. */
export function renderPage(title: string, body: string): string {
  const heading = escapeHtml(title);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${heading}</title>
<style>${STYLE}</style>
<h1>${heading}</h1>
${body}
</html>
`;
}

/** Text that is safe in an element and in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}
