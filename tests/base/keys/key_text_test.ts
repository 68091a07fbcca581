import { assertEquals } from "@std/assert";
import { encodeKey, keyText } from "../../../src/base/mod.ts";

Deno.test("keyText() shows text, parts, and else bytes", () => {
  const utf8 = new TextEncoder();
  assertEquals(keyText(utf8.encode("a/1")), '"a/1"');
  assertEquals(keyText(utf8.encode("01")), '"01"');
  assertEquals(
    keyText(encodeKey(["user", 42, -0, 7n, true, Uint8Array.of(255)])),
    '["user", 42, -0, 7n, true, 0xff]',
  );
  assertEquals(keyText(encodeKey(["é\n\u202e"])), '["\\u00e9\\n\\u202e"]');
  assertEquals(keyText(utf8.encode("é")), "0xc3a9");
});
