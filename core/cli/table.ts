/**
 * Aligned columns for human output.
 *
 * @module
 */

/** Pads every column but the last to its widest cell; columns are two spaces apart. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => widths[index] = Math.max(widths[index] ?? 0, widthOf(cell)));
  }
  return rows.map((row) => {
    const last = row.length - 1;
    const line = row.map((cell, index) =>
      index === last ? cell : cell + " ".repeat((widths[index] ?? 0) - widthOf(cell))
    );
    return line.join("  ").trimEnd();
  });
}

/** Characters as people count them; most cells have one code unit for each. */
function widthOf(cell: string): number {
  return /[\ud800-\udfff]/.test(cell) ? [...cell].length : cell.length;
}

/** Replaces what a terminal would act upon, so that a name or a path cannot move the cursor. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "\u{fffd}");
}
