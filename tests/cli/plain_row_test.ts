import { assertEquals } from "@std/assert";
import { escapeBytes } from "../../src/cli/terminal/escape.ts";
import { writeJsonLine } from "../../src/cli/terminal/json_line.ts";
import { writePlainJson, writePlainRow } from "../../src/cli/terminal/plain_row.ts";
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

Deno.test("writePlainRow() writes what escaping would, or nothing", async () => {
  let plain = 0;
  for (const { key, value } of cases) {
    const terminal = new FakeTerminal();
    const isPlain = writePlainRow(terminal.output, key, value);
    assertEquals(await shown(terminal), isPlain ? `${escapeBytes(key)}\t${escapeBytes(value)}\n` : "");
    plain += Number(isPlain);
  }
  assertEquals(plain, 9);
});

Deno.test("writePlainJson() writes what writeJsonLine() would, or nothing", async () => {
  let plain = 0;
  for (const { key, value } of cases) {
    for (const lsn of [1, 10, Number.MAX_SAFE_INTEGER]) {
      const quick = new FakeTerminal(), careful = new FakeTerminal();
      const isPlain = writePlainJson(quick.output, key, lsn, value);
      await writeJsonLine(careful.output, { key, lsn, value });
      assertEquals(await shown(quick), isPlain ? await shown(careful) : "");
      plain += Number(isPlain);
    }
  }
  assertEquals(plain, 12);
});
