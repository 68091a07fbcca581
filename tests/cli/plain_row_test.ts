import { assertEquals } from "@std/assert";
import { escapeBytes } from "../../src/cli/terminal/escape.ts";
import { writeJsonLine } from "../../src/cli/terminal/json_line.ts";
import { writePlainJson, writePlainRow } from "../../src/cli/terminal/plain_row.ts";
import { terminalFlag, VersionBlock } from "../../src/layer/mod.ts";
import type { Rows } from "../../src/timeline/mod.ts";
import { KeyColumn, ValueColumn } from "../../src/timeline/read/records/columns.ts";
import { Places } from "../../src/timeline/read/records/places.ts";
import { testFile } from "../timeline/read/layers.ts";
import { FakeTerminal } from "./fixture.ts";

const encoder = new TextEncoder();

async function shown(terminal: FakeTerminal): Promise<string> {
  await terminal.output.flush();
  return terminal.written.map((bytes) => new TextDecoder().decode(bytes)).join("");
}

const texts = ["", "plain text ~", 'quo"te', "back\\slash", "tab\t", "\x7f", "käse", "line\n"];
const cases = texts.flatMap((key) =>
  texts.map((value) => ({ key: encoder.encode(key), value: encoder.encode(value) }))
);

/** Rows of which the second is asked for; others stand around it. */
function rowsOf(key: Uint8Array, value: Uint8Array, lsn: number): Rows {
  const block = new VersionBlock(3, 3 * key.length + 2);
  const keys = new KeyColumn(3), values = new ValueColumn(), places = new Places(3);
  for (let row = 0, at = 0; row < 3; row++, at += key.length + 1) {
    block.bytes.set(key, at);
    block.keyStart[row] = at;
    block.keyLength[row] = key.length;
    keys.add(block, row);
    places.add(row, testFile(1), lsn, 0, value.length + 24, terminalFlag);
  }
  values.reserve(0, 3, (key) => places.valueLengthOf(key));
  values.set(0, encoder.encode("before"), 0, Math.min(6, value.length));
  values.set(1, new Uint8Array([0, ...value, 0]), 1, 1 + value.length);
  values.set(2, encoder.encode("behind"), 0, Math.min(6, value.length));
  return { from: 0, to: 3, keys, values, lsnOf: () => lsn };
}

Deno.test("writePlainRow() writes what escaping would, or nothing", async () => {
  let plain = 0;
  for (const { key, value } of cases) {
    const terminal = new FakeTerminal();
    await terminal.output.write("before ");
    const isPlain = writePlainRow(terminal.output, rowsOf(key, value, 1), 1);
    assertEquals(
      await shown(terminal),
      isPlain ? `before ${escapeBytes(key)}\t${escapeBytes(value)}\n` : "before ",
    );
    plain += Number(isPlain);
  }
  assertEquals(plain, 9);
});

Deno.test("writePlainJson() writes what writeJsonLine() would, or nothing", async () => {
  let plain = 0;
  for (const { key, value } of cases) {
    for (const lsn of [1, 10, Number.MAX_SAFE_INTEGER]) {
      const quick = new FakeTerminal(), careful = new FakeTerminal();
      await quick.output.write("[");
      const isPlain = writePlainJson(quick.output, rowsOf(key, value, lsn), 1);
      await careful.output.write("[");
      await writeJsonLine(careful.output, { key, lsn, value });
      assertEquals(await shown(quick), isPlain ? await shown(careful) : "[");
      plain += Number(isPlain);
    }
  }
  assertEquals(plain, 12);
});
