import { assertEquals, assertThrows } from "@std/assert";
import { encodeKey, type KeyPart } from "../../src/base/mod.ts";
import { formatKeyParts, parseKeyParts } from "../../src/cli/key_parts.ts";

const same: [text: string, parts: KeyPart[]][] = [
  ["[]", []],
  ['["user",42]', ["user", 42]],
  ["[true,false,1.5,-0]", [true, false, 1.5, -0]],
  ['[{"bigint":"-9007199254740993"}]', [-9007199254740993n]],
  ['[{"base64":"AP8="}]', [Uint8Array.of(0, 255)]],
  ['[{"number":"NaN"},{"number":"-Infinity"}]', [NaN, -Infinity]],
  ["[1e+300]", [1e300]],
  ["[1.2912720851596686e+20,-9.007199254740992e+15]", [129127208515966860000, -(2 ** 53)]],
];

for (const [text, parts] of same) {
  Deno.test(`key parts ${text} are read and shown`, () => {
    assertEquals(parseKeyParts(text), encodeKey(parts));
    assertEquals(formatKeyParts(encodeKey(parts)), text);
  });
}

const wrong: [text: string, message: string][] = [
  ["user", "JSON"],
  ["{}", "expected an array"],
  ["[null]", "null is no part"],
  ["[[1]]", "[1] is no part"],
  ['[{"bigint":"1.5"}]', "is no part"],
  ['[{"bigint":"1","number":"NaN"}]', "is no part"],
  ['[{"number":"1"}]', "is no part"],
  ["[9007199254740993]", '9007199254740993 is not exact as a number, write {"bigint":"9007199254740993"}'],
];

for (const [text, message] of wrong) {
  Deno.test(`parseKeyParts() refuses ${text}`, () => {
    assertThrows(() => parseKeyParts(text), SyntaxError, message);
  });
}

Deno.test("formatKeyParts() knows a key that is not structured", () => {
  assertEquals(formatKeyParts(new TextEncoder().encode("user/42")), undefined);
});
