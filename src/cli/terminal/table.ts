/** Rows of text as columns. */

/**
 * Renders rows as columns two spaces apart.
 *
 * @param rows Rows of the same length; what is in them is one line each.
 * @returns Lines.
 */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => widths[column] = Math.max(widths[column] ?? 0, cell.length));
  }
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd() + "\n")
    .join("");
}
