import { assertEquals } from "@std/assert";
import { keyBytes } from "../../../src/base/mod.ts";
import { parseChangeLine } from "../../../src/cli/load/change_line.ts";
import { PlainLine } from "../../../src/cli/load/plain_line.ts";

const encoder = new TextEncoder();

/** What a line says by the quick way, in the middle of other bytes; `undefined` if that does not take it. */
function readPlain(line: string) {
  const bytes = encoder.encode(`"}\n${line}\n","value":"x"}`);
  const plain = new PlainLine();
  const from = 3, to = from + encoder.encode(line).length;
  if (!plain.read(bytes, from, to)) return undefined;
  const { keyStart, keyEnd, valueStart, valueEnd, lsn } = plain;
  return { key: bytes.slice(keyStart, keyEnd), value: bytes.slice(valueStart, valueEnd), lsn };
}

const plainLines = [
  '{"key":"k","value":"v"}',
  '{"key":"käy","value":""}',
  '{"key":"k","lsn":7,"value":"v"}',
  '{"key":"k","value":"v","lsn":123456789012345}',
  `{"key":"${"k".repeat(512)}","value":"v"}`,
];

for (const line of plainLines) {
  Deno.test(`PlainLine.read() reads ${line.slice(0, 60)} as JSON does`, () => {
    const { change, lsn } = parseChangeLine(line);
    const value = "value" in change ? change.value : undefined;
    assertEquals(
      readPlain(line),
      { key: new Uint8Array(keyBytes(change.key)), value, lsn: lsn ?? 0 } as unknown,
    );
  });
}

const otherLines = [
  "",
  "{",
  '{"key":"k","value":"v"',
  '{"key":"k","value":"v"}}',
  '{"key":"k","value":"v"} ',
  '{"key":"k\\u0041","value":"v"}',
  '{"key":"k","value":"a\\n"}',
  '{"key":"k","value":"a\tb"}',
  '{"key":"","value":"v"}',
  `{"key":"${"k".repeat(513)}","value":"v"}`,
  '{"key":"k","delete":true}',
  '{"key":"k","lsn":0,"value":"v"}',
  '{"key":"k","lsn":07,"value":"v"}',
  '{"key":"k","lsn":1,"value":"v","lsn":2}',
  '{"key":"k","lsn":9007199254740993,"value":"v"}',
  '{"keyBase64":"YQ==","value":"v"}',
];

for (const line of otherLines) {
  Deno.test(`PlainLine.read() leaves ${line.slice(0, 60)} to JSON`, () => {
    assertEquals(readPlain(line), undefined);
  });
}
