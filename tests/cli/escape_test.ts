import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { characterSlices, escapeBytes, writeEscaped } from "../../src/cli/terminal/escape.ts";
import { writeJsonLine } from "../../src/cli/terminal/json_line.ts";
import { parseChangeLine } from "../../src/cli/load/change_line.ts";
import { concat } from "@std/bytes";
import { seeds } from "../random.ts";
import { FakeTerminal } from "./fixture.ts";

fc.configureGlobal({ seed: [...seeds("escapes", 1)][0] });

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Reads escaped text back, as plainly as possible. */
function unescape(text: string): Uint8Array {
  const named: Record<string, number> = { "\\": 92, t: 9, n: 10, r: 13 };
  const pieces: Uint8Array[] = [];
  for (const [whole, hex, name] of text.matchAll(/\\x([0-9a-f]{2})|\\([\\tnr])|[^\\]/gsu)) {
    if (hex !== undefined) pieces.push(Uint8Array.of(parseInt(hex, 16)));
    else pieces.push(name !== undefined ? Uint8Array.of(named[name]) : encoder.encode(whole));
  }
  return concat(pieces);
}

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => encoder.encode(text)),
  fc.tuple(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 3 })).map(([text, bytes]) =>
    concat([encoder.encode(text), bytes, encoder.encode(text)])
  ),
);

Deno.test("escapeBytes() shows text as it is and the rest as escapes", () => {
  const cases: [number[] | string, string][] = [
    ["plain ünï 日本 😀", "plain ünï 日本 😀"],
    ["a\tb\nc\rd\\e", "a\\tb\\nc\\rd\\\\e"],
    ["\0\x1b[31m\x7f", "\\x00\\x1b[31m\\x7f"],
    ["\u0085\u202e\ufeff", "\\xc2\\x85\\xe2\\x80\\xae\\xef\\xbb\\xbf"],
    [[0xff, 0x61, 0xc3], "\\xffa\\xc3"],
    [[0xc3, 0xa9, 0xff], "é\\xff"],
    [[0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"],
    [[0xf0, 0x9f, 0x98], "\\xf0\\x9f\\x98"],
    ["\ufffd", "\ufffd"],
  ];
  for (const [given, shown] of cases) {
    assertEquals(
      escapeBytes(typeof given === "string" ? encoder.encode(given) : Uint8Array.from(given)),
      shown,
    );
  }
});

Deno.test("escapeBytes() makes one line from which the bytes can be told", () => {
  fc.assert(fc.property(anyBytes, (bytes) => {
    const text = escapeBytes(bytes);
    assert(!/[\p{Cc}]/u.test(text));
    assertEquals(unescape(text), bytes);
  }));
});

Deno.test("characterSlices() cuts no character in two", () => {
  const text = encoder.encode("a" + "😀".repeat(40_000));
  const slices = [...characterSlices(text)];
  assert(slices.length > 2);
  assertEquals(concat(slices), text);
  for (const slice of slices) new TextDecoder("utf-8", { fatal: true }).decode(slice);
  const noise = new Uint8Array(200_000).fill(0x80);
  assertEquals(concat([...characterSlices(noise)]), noise);
});

Deno.test("writeEscaped() writes large values whole", async () => {
  const terminal = new FakeTerminal();
  const value = encoder.encode("é\n".repeat(100_000));
  await writeEscaped(terminal.output, value);
  await terminal.output.flush();
  assertEquals(decoder.decode(concat(terminal.written)), "é\\n".repeat(100_000));
});

async function jsonLine(key: Uint8Array, value: Uint8Array | undefined, lsn?: number): Promise<string> {
  const terminal = new FakeTerminal();
  await writeJsonLine(terminal.output, { key, value, lsn });
  await terminal.output.flush();
  return decoder.decode(concat(terminal.written));
}

Deno.test("writeJsonLine() writes text as text and the rest as base64", async () => {
  const text = (text: string) => encoder.encode(text);
  assertEquals(await jsonLine(text("k"), text("v"), 3), '{"key":"k","lsn":3,"value":"v"}\n');
  assertEquals(
    await jsonLine(Uint8Array.of(255), Uint8Array.of(254), 3),
    '{"keyBase64":"/w==","lsn":3,"valueBase64":"/g=="}\n',
  );
  assertEquals(await jsonLine(text("k"), undefined, 4), '{"key":"k","lsn":4,"delete":true}\n');
  assertEquals(await jsonLine(text("k"), text("\x9b")), '{"key":"k","value":"\\u009b"}\n');
});

Deno.test("parseChangeLine() reads what writeJsonLine() wrote", async () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 20 });
  await fc.assert(fc.asyncProperty(key, fc.option(anyBytes, { nil: undefined }), async (key, value) => {
    const { change, lsn } = parseChangeLine(await jsonLine(key, value, 7));
    assertEquals(typeof change.key === "string" ? encoder.encode(change.key) : change.key, key);
    assertEquals(lsn, 7);
    if (value === undefined) assert("delete" in change);
    else assertEquals("value" in change && change.value, value);
  }));
});

Deno.test("writeJsonLine() writes large values whole", async () => {
  for (const value of [encoder.encode("é😀\0".repeat(50_000)), new Uint8Array(200_001).fill(255)]) {
    const { change } = parseChangeLine(await jsonLine(Uint8Array.of(1), value));
    assertEquals("value" in change && change.value, value);
  }
});
