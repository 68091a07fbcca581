import { assertEquals, assertThrows } from "@std/assert";
import { parseChangeLine } from "../../../src/cli/load/change_line.ts";

const encoder = new TextEncoder();

Deno.test("parseChangeLine() reads puts, deletions and LSNs", () => {
  const value = encoder.encode("v");
  assertEquals(parseChangeLine('{"key":"k","value":"v"}'), { change: { key: "k", value }, lsn: undefined });
  assertEquals(parseChangeLine(' {"lsn":7,"key":"k","value":"v"}\r'), {
    change: { key: "k", value },
    lsn: 7,
  });
  assertEquals(parseChangeLine('{"key":"k","delete":true}'), {
    change: { key: "k", delete: true },
    lsn: undefined,
  });
  assertEquals(parseChangeLine('{"key":"k","lsn":8,"patch":"v"}'), {
    change: { key: "k", patch: value },
    lsn: 8,
  });
  assertEquals(
    parseChangeLine('{"key":"k","value":"v","lsn":7}', { ignoreLsn: true }),
    { change: { key: "k", value }, lsn: undefined },
  );
});

Deno.test("parseChangeLine() reads base64", () => {
  const bytes = Uint8Array.of(255, 0);
  const expected = { change: { key: bytes, value: bytes }, lsn: undefined };
  assertEquals(parseChangeLine('{"key":"/wA=","value":"/wA="}', { base64: true }), expected);
  assertEquals(parseChangeLine('{"keyBase64":"/wA=","valueBase64":"/wA="}'), expected);
  assertEquals(parseChangeLine('{"keyBase64":"YQ==","delete":true}').change.key, "a");
  const patched = { change: { key: bytes, patch: bytes }, lsn: undefined };
  assertEquals(parseChangeLine('{"keyBase64":"/wA=","patchBase64":"/wA="}'), patched);
});

Deno.test("parseChangeLine() refuses everything else", () => {
  const long = "k".repeat(513);
  const bad: [string, string][] = [
    ["", "JSON"],
    ["{", "JSON"],
    ["null", "expected an object, found null"],
    ["[]", "expected an object, found an array"],
    ['"key"', "expected an object, found string"],
    ["{}", 'expected "key"'],
    ['{"key":"k"}', 'expected either "value", "patch" or "delete"'],
    ['{"key":"k","value":"v","delete":true}', 'expected either "value", "patch" or "delete"'],
    ['{"key":"k","value":"v","patch":"v"}', 'expected either "value", "patch" or "delete"'],
    ['{"key":"k","patch":"v","delete":true}', 'expected either "value", "patch" or "delete"'],
    ['{"key":"k","patch":1}', 'expected "patch" to be a string'],
    ['{"key":"k","delete":false}', 'expected "delete" to be true, found false'],
    ['{"key":1,"value":"v"}', 'expected "key" to be a string, found number'],
    ['{"key":"k","value":null}', 'expected "value" to be a string, found null'],
    ['{"key":"k","valeu":"v"}', 'unknown field "valeu"'],
    ['{"key":"","value":"v"}', "empty"],
    [`{"key":"${long}","value":"v"}`, "513"],
    ['{"key":"\\ud800","value":"v"}', '"key" holds a lone surrogate'],
    ['{"key":"k","value":"\\ud800"}', '"value" holds a lone surrogate'],
    ['{"keyBase64":"?","value":"v"}', 'expected "keyBase64" to be base64'],
    ['{"key":"k","keyBase64":"YQ==","value":"v"}', "found both"],
    ['{"key":"k","value":"v","lsn":0}', "LSN 0"],
    ['{"key":"k","value":"v","lsn":1.5}', "LSN 1.5"],
    ['{"key":"k","value":"v","lsn":9007199254740993}', "LSN 9007199254740992"],
    ['{"key":"k","value":"v","lsn":"1"}', "expected a number, found string"],
  ];
  for (const [line, message] of bad) assertThrows(() => parseChangeLine(line), Error, message, line);
  assertThrows(
    () => parseChangeLine('{"key":"k!","value":"v"}', { base64: true }),
    SyntaxError,
    "to be base64",
  );
});
