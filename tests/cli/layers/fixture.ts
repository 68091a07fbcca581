/** What the tests of pictures of layers speak in: layers described in a line, and elements of an SVG file. */

import { assert, assertEquals } from "@std/assert";
import type { LayerInfo } from "../../../src/timeline/mod.ts";

const encoder = new TextEncoder();

/** A layer; one that is in memory tells no keys. */
export function layer(
  kind: LayerInfo["kind"],
  [firstLsn, lastLsn]: [number, number],
  [firstKey, lastKey]: [string | Uint8Array, string | Uint8Array] = ["", ""],
  versions = 1000,
): LayerInfo {
  const bytesOf = (key: string | Uint8Array) => typeof key === "string" ? encoder.encode(key) : key;
  return {
    kind,
    path: `/store/1/${firstLsn}.${kind}`,
    firstLsn,
    lastLsn,
    firstKey: bytesOf(firstKey),
    lastKey: bytesOf(lastKey),
    versions,
    tombstones: Math.floor(versions / 10),
    keys: versions,
    byteLength: versions * 100,
  };
}

/** Expects a number that is another but for rounding. */
export function assertClose(found: number, expected: number, words = "", most = 1e-6): void {
  assert(Math.abs(found - expected) <= most, `${words}: expected ${expected}, found ${found}`);
}

/** An element of XML. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Element[];
  /** The text in it, without that of its children. */
  text: string;
}

const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** Parses XML strictly, as far as pictures use it: elements, attributes in double quotes, five entities. */
export function parseXml(xml: string): Element {
  // deno-lint-ignore no-control-regex
  assertEquals(xml.match(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/), null);
  assert(xml.isWellFormed());
  const root: Element = { name: "", attributes: new Map(), children: [], text: "" };
  const open = [root];
  let at = 0;
  for (
    const [token, closing, name, attributes, empty] of xml.matchAll(
      /<(\/?)([a-z]+)((?: [^<>]*?)?)(\/?)>|[^<]+/gi,
    )
  ) {
    const top = open[open.length - 1];
    if (name === undefined) top.text += unescapeXml(token);
    else if (closing === "/") assertEquals(open.pop()?.name, name, `at ${at}`);
    else {
      const element: Element = { name, attributes: parseAttributes(attributes), children: [], text: "" };
      top.children.push(element);
      if (empty === "") open.push(element);
    }
    assertEquals(xml.startsWith(token, at), true, `XML at ${at}: ${xml.slice(at, at + 80)}`);
    at += token.length;
  }
  assertEquals([at, open.length, root.children.length, root.text.trim()], [xml.length, 1, 1, ""]);
  return root.children[0];
}

function parseAttributes(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let at = 0;
  for (const [all, name, value] of text.matchAll(/ ([a-z][\w:-]*)="([^"<]*)"/gi)) {
    assert(!found.has(name), `${name} twice`);
    found.set(name, unescapeXml(value));
    at += all.length;
  }
  assertEquals(at, text.length, text);
  return found;
}

function unescapeXml(text: string): string {
  return text.replace(/&([^;]*;?)/g, (all, name: string) => {
    const char = entities[name.slice(0, -1)];
    assert(name.endsWith(";") && char !== undefined, `entity ${all}`);
    return char;
  });
}

/** An element and all that is in it. */
export function* elementsOf(element: Element): Generator<Element> {
  yield element;
  for (const child of element.children) yield* elementsOf(child);
}

/** The rectangles of layers, in the order in which they are drawn. */
export function rectanglesOf(picture: Element): Element[] {
  const group = picture.children.find(({ name }) => name === "g");
  return group?.children ?? [];
}

/** What a picture says anywhere but where the mouse is. */
export function wordsOf(picture: Element): string[] {
  return [...elementsOf(picture)].filter(({ name }) => name === "text").map(({ text }) => text);
}

/** A number among the attributes of an element. */
export function measure(element: Element, name: string): number {
  const value = Number(element.attributes.get(name) ?? NaN);
  assert(Number.isFinite(value), `${name} of ${element.name}`);
  return value;
}
