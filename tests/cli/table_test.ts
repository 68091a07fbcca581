import { assertEquals } from "@std/assert";
import { renderTable } from "../../src/cli/terminal/table.ts";

const tables: [rows: string[][], text: string][] = [
  [[], ""],
  [[["a"]], "a\n"],
  [[["a", "b"], ["long", ""], ["", "c"]], "a     b\nlong\n      c\n"],
];

for (const [rows, text] of tables) {
  Deno.test(`renderTable() aligns ${rows.length} rows`, () => assertEquals(renderTable(rows), text));
}
