/** The parsers of names, keys and lines. */

import { equals } from "@std/bytes";
import { decodeKey, encodeKey, keyBytes, LimitError } from "../../../src/base/mod.ts";
import { formatKeyParts, parseKeyParts } from "../../../src/cli/key_parts.ts";
import { type ChangeLine, parseChangeLine } from "../../../src/cli/load/change_line.ts";
import { LoadPosition, parsePosition } from "../../../src/cli/load/load_position.ts";
import { PlainLine } from "../../../src/cli/load/plain_line.ts";
import { GitError } from "../../../src/git/mod.ts";
import { parseChanges } from "../../../src/git/history.ts";
import { manifestName, parseManifestName } from "../../../src/manifest/names.ts";
import { objectId, parseObjectId, parseTimelineName, timelineName } from "../../../src/objects/object_id.ts";
import { type Bytes, type Parser, promise } from "./parser.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const idOf = (digit: string) => digit.repeat(40);

function texts(...lines: readonly string[]): Uint8Array[] {
  return lines.map((line) => encoder.encode(line));
}

/** All parsers of text. */
export const textParsers: readonly Parser[] = [
  {
    name: "object id",
    corpus: texts(
      "00123456789abcde/00000000000001-00000001-00000001.seg",
      "0000000000000001/1fffffffffffff-ffffffff-00000000.image",
    ),
    refusals: [],
    parse: (bytes) => sameName(bytes, parseObjectId, objectId),
  },
  {
    name: "directory of a timeline",
    corpus: texts("00123456789abcde", "001fffffffffffff", "0000000000000000"),
    refusals: [],
    parse: (bytes) => sameName(bytes, parseTimelineName, timelineName),
  },
  {
    name: "name of a manifest",
    corpus: texts("manifest-000000000001", "manifest-999999999999"),
    refusals: [],
    parse: (bytes) => sameName(bytes, parseManifestName, manifestName),
  },
  {
    name: "structured key",
    corpus: [
      encodeKey(["user", 7, true]),
      encodeKey([Uint8Array.of(0, 255, 0), "a\0b", -1.5]),
      encodeKey([0n, -1n, 2n ** 64n, -(2n ** 900n), NaN, false]),
    ],
    refusals: [TypeError],
    parse: (bytes) => {
      const again = encodeOf(decodeKey(bytes));
      promise(again === undefined || equals(again, bytes), "a key has one encoding");
      const shown = formatKeyParts(bytes);
      if (again !== undefined) {
        promise(equals(parseKeyParts(shown!), bytes), "parts are read as they are shown");
      }
      return true;
    },
  },
  {
    name: "key parts",
    corpus: texts(
      '["user",42,true,-0,1e300]',
      '[{"bigint":"-9007199254740993"},{"base64":"AP8="}]',
      '[{"number":"NaN"}]',
    ),
    refusals: [SyntaxError, TypeError, LimitError],
    parse: (bytes) => {
      const key = parseKeyParts(decoder.decode(bytes));
      promise(key.length <= 512, "a key of 512 bytes at the most");
      promise(equals(parseKeyParts(formatKeyParts(key)!), key), "parts are read as they are shown");
      return true;
    },
  },
  {
    name: "line of changes",
    corpus: texts(
      '{"key":"a","value":"b"}',
      '{"key":"a/ü","lsn":7,"value":"b"}',
      '{"key":"a","value":"","lsn":123456}',
      '{"keyParts":["a",1],"valueBase64":"AP8=","lsn":9}',
      '{"__proto__":{"key":"a"},"key":"a\\u0000","delete":true}',
      '{"keyBase64":"/w==","delete":true}',
    ),
    refusals: [SyntaxError, TypeError, RangeError, LimitError],
    parse: parseLine,
  },
  {
    name: "position of a load",
    corpus: texts('{"bytes":1048563,"lines":20561,"crc":2774812905}', '{"bytes":0,"lines":0,"crc":0}'),
    refusals: [],
    parse: (bytes) => {
      const position = parsePosition(bytes);
      if (position === undefined) return false;
      const numbers = [position.bytes, position.lines, position.crc];
      promise(numbers.every((number) => Number.isSafeInteger(number) && number >= 0), "numbers");
      const again = parsePosition(Object.assign(new LoadPosition(undefined), position).encode());
      promise(JSON.stringify(again) === JSON.stringify(position), "a position is kept as it was read");
      return true;
    },
  },
  {
    name: "output of git diff-tree",
    corpus: texts(
      `${idOf("a")}\0:000000 100644 ${idOf("0")} ${idOf("b")} A\0dir/file\0:100644 000000 ${idOf("b")} ${
        idOf("0")
      } D\0x\0`,
      `${idOf("a")}\0${idOf("c")}\0:100644 100755 ${idOf("b")} ${idOf("b")} M\0x\0`,
    ),
    refusals: [GitError],
    parse: async (bytes) => {
      const parts = decoder.decode(bytes).split("\0"),
        ended = parts.at(-1) === "" ? parts.slice(0, -1) : parts;
      const pieces = ended.map((piece) => encoder.encode(piece)).values();
      let found = 0;
      for await (const { commit, changes } of parseChanges(() => Promise.resolve(pieces.next().value))) {
        promise(/^[0-9a-f]{40,64}$/.test(commit), "the id of a commit");
        promise(changes.every(({ path }) => path.length > 0), "a path");
        found++;
      }
      return found > 0;
    },
  },
];

function sameName<T>(
  bytes: Bytes,
  parse: (text: string) => T | undefined,
  format: (value: T) => string,
): boolean {
  const text = decoder.decode(bytes), value = parse(text);
  if (value !== undefined) promise(format(value) === text, "a name is what is made of what it says");
  return value !== undefined;
}

/** Parts as a key, if they are not too many. */
function encodeOf(parts: Parameters<typeof encodeKey>[0]): Uint8Array | undefined {
  try {
    return encodeKey(parts);
  } catch (error) {
    if (error instanceof LimitError) return undefined;
    throw error;
  }
}

const plain = new PlainLine();

/** A line that is read without making text of it says what the parser of JSON finds in it. */
function parseLine(bytes: Bytes): boolean {
  const isPlain = plain.read(bytes, 0, bytes.length);
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch {
    return false;
  }
  const line = isPlain ? taken(text) : parseChangeLine(text);
  const { change } = line, key = keyBytes(change.key);
  if (!isPlain) return true;
  promise("value" in change && equals(key, bytes.subarray(plain.keyStart, plain.keyEnd)), "the same key");
  const value = typeof change.value === "string" ? encoder.encode(change.value) : change.value;
  promise(equals(value, bytes.subarray(plain.valueStart, plain.valueEnd)), "the same value");
  promise((line.lsn ?? 0) === plain.lsn, "the same LSN");
  return true;
}

/** What a plain line says: it is refused by nobody. */
function taken(text: string): ChangeLine {
  try {
    return parseChangeLine(text);
  } catch (error) {
    throw new Error(`a plain line is taken: ${(error as Error).message}`);
  }
}
