/**
 * What kind of answer a client wants of the router itself: a page or JSON.
 *
 * @module
 */

/**
 * Says whether the `Accept` header prefers HTML to JSON. Browsers name HTML when they load a page;
 * programs that take anything get JSON.
 */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const html = Math.max(qualityOf(accept, "text/html"), qualityOf(accept, "application/xhtml+xml"));
  return html > 0 && html >= qualityOf(accept, "application/json");
}

/** Says whether the header asks for JSON by name, and for no page. */
export function asksForJson(accept: string | undefined): boolean {
  return accept !== undefined && qualityOf(accept, "application/json") > 0 && !prefersHtml(accept);
}

/** The type's weight where the header names it, from 0 to 1; 0 where it does not. */
function qualityOf(accept: string, type: string): number {
  for (const range of accept.toLowerCase().split(",")) {
    const [name = "", ...parameters] = range.split(";").map((part) => part.trim());
    if (name !== type) continue;
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    return Number.isFinite(weight) ? weight : 0;
  }
  return 0;
}
