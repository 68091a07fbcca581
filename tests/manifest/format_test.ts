import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { crc32, maxLsn } from "../../src/base/mod.ts";
import {
  decodeManifest,
  encodeManifest,
  manifestName,
  type ManifestState,
  parseManifestName,
} from "../../src/manifest/format.ts";
import { isSegmentName, segmentName } from "../../src/manifest/mod.ts";

const state: ManifestState = {
  version: 7,
  storeId: "00112233445566778899aabbccddeeff",
  timelines: [{
    name: "main 🦕 \u0000",
    id: "0123456789abcdef",
    created: 1_700_000_000_000,
    nextSequence: 4,
    segments: [
      { fileId: "fedcba9876543210", sequence: 2, firstLsn: 9 },
      { fileId: "fedcba9876543211", sequence: 3, firstLsn: maxLsn, witness: { offset: 8192, lsn: maxLsn } },
    ],
    layers: [{
      fileId: "0000000000000001",
      sequence: 1,
      firstLsn: 1,
      lastLsn: 8,
      byteLength: 1 << 20,
      versions: 5,
      tombstones: 1,
      keys: 4,
      firstKey: "00",
      lastKey: "ff".repeat(512),
    }],
  }],
};

const encoder = new TextEncoder();

/** A manifest that holds any text, with the right checksum. */
function stamped(body: string): Uint8Array {
  const sum = crc32(encoder.encode(body)).toString(16).padStart(8, "0");
  return encoder.encode(`varve-manifest 1 ${sum}\n${body}`);
}

Deno.test("decodeManifest() reads what encodeManifest() wrote", () => {
  assertEquals(decodeManifest(encodeManifest(state)), state);
  const empty = { version: 0, storeId: "0".repeat(32), timelines: [] };
  assertEquals(decodeManifest(encodeManifest(empty)), empty);
});

Deno.test("decodeManifest() notices any bit that is flipped and any byte that is missing", () => {
  const bytes = encodeManifest(state);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    assertEquals(typeof decodeManifest(bytes), "string", `bit ${bit}`);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(typeof decodeManifest(bytes.subarray(0, length)), "string", `${length} bytes`);
  }
});

Deno.test("decodeManifest() says what is wrong with hostile text whose checksum is right", () => {
  const bodies = [
    "",
    "\n",
    "{",
    "null",
    "[]",
    "1",
    '"x"',
    "{}",
    "[".repeat(100_000),
    '{"version":1}',
    "nonsense",
    "\ufeff{}",
  ];
  for (const body of bodies) {
    assertEquals(decodeManifest(stamped(body)), "fields that are missing or out of range");
  }
  assertEquals(decodeManifest(Uint8Array.of(0xff, 0xfe)), "bytes that are not UTF-8");
  assertEquals(
    decodeManifest(encoder.encode("varve-manifest 2 00000000\n{}")),
    "no manifest of a version that is known",
  );
});

/** Every place in a value, as a path of names. */
function places(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => places(inner, [...path, name]))];
}

/** A copy of the state with something else at a place. */
function replaced(path: readonly string[], by: unknown): unknown {
  if (path.length === 0) return by;
  const copy: unknown = structuredClone(state);
  let at = copy as Record<string, unknown>;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string, unknown>;
  at[path[path.length - 1]] = by;
  return copy;
}

Deno.test("decodeManifest() refuses a wrong type at any place", () => {
  for (const path of places(state)) {
    for (
      const by of [
        null,
        true,
        -1,
        1.5,
        2 ** 53,
        { __proto__: null, x: 1 },
        "../../etc/passwd",
        [[]],
        undefined,
      ]
    ) {
      const isName = path.at(-1) === "name" && typeof by === "string";
      const isOptional = path.at(-1) === "witness" && by === undefined;
      const found = decodeManifest(stamped(JSON.stringify(replaced(path, by)) ?? "undefined"));
      assertEquals(
        typeof found,
        isName || isOptional ? "object" : "string",
        `${path.join(".")} = ${JSON.stringify(by)}`,
      );
    }
  }
  for (const name of ["", "x".repeat(129)]) {
    assertEquals(
      typeof decodeManifest(stamped(JSON.stringify(replaced(["timelines", "0", "name"], name)))),
      "string",
    );
  }
  for (const key of ["0", "0g", "FF", "ff".repeat(513)]) {
    const path = ["timelines", "0", "layers", "0", "firstKey"];
    assertEquals(typeof decodeManifest(stamped(JSON.stringify(replaced(path, key)))), "string");
  }
});

Deno.test("decodeManifest() never throws, whatever JSON there is", () => {
  fc.assert(fc.property(fc.json(), (body) => {
    const found = decodeManifest(stamped(body));
    assert(typeof found === "string", "no random JSON is a manifest");
  }));
});

Deno.test("parseManifestName() takes the names that manifestName() makes and no other", () => {
  for (const version of [0, 1, 999_999_999_999]) {
    assertEquals(parseManifestName(manifestName(version)), version);
  }
  const others = [
    "manifest-pending",
    "manifest-1",
    "manifest-0000000000001",
    "manifest-00000000000x",
    "xmanifest-000000000001",
    "manifest-000000000001\n",
    "manifest-000000000001.tmp",
    "",
  ];
  for (const name of others) assertEquals(parseManifestName(name), undefined);
});

Deno.test("isSegmentName() takes the names that segmentName() makes and no other", () => {
  for (const lsn of [1, 2 ** 32, maxLsn]) {
    for (const sequence of [1, 2 ** 32 - 1]) {
      assert(isSegmentName(segmentName(lsn, sequence)), "its own name");
    }
  }
  assert(segmentName(255, 1) < segmentName(256, 2), "names sort as LSNs do");
  for (
    const name of [
      "x.seg",
      "../00000000000001-00000001.seg",
      "00000000000001-00000001.seg\n",
      "0000000000000G-00000001.seg",
    ]
  ) {
    assertEquals(isSegmentName(name), false);
  }
});
