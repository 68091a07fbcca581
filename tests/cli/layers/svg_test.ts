import { assertEquals } from "@std/assert";
import { element, xmlText } from "../../../src/cli/layers/svg.ts";

const texts: [text: string, xml: string][] = [
  ["plain é 🦕", "plain é 🦕"],
  [`<a b="c">'&amp;`, "&lt;a b=&quot;c&quot;&gt;&#39;&amp;amp;"],
  ["\0\x1b\t\n\ufffe\uffff\ud800", "\ufffd\ufffd\t\n\ufffd\ufffd\ufffd"],
];

for (const [text, xml] of texts) {
  Deno.test(`xmlText() of ${JSON.stringify(text)}`, () => assertEquals(xmlText(text), xml));
}

Deno.test("element() escapes attributes, rounds numbers and leaves out what is undefined", () => {
  assertEquals(element("a", { b: 1 / 3, c: undefined, d: '"<' }), '<a b="0.33" d="&quot;&lt;"/>');
  assertEquals(element("a", {}, "<b/>"), "<a><b/></a>");
});
