/** One line of `load`: a change as a JSON object. */

import { isUtf8 } from "node:buffer";
import { checkLsn, keyBytes, LimitError, type Lsn, maxValueBytes, typeName } from "../../base/mod.ts";
import { keyOfParts, parseJson } from "../key_parts.ts";
import type { Change } from "../../segment/mod.ts";

/** The longest line in bytes: the longest value with every byte escaped (`\u0000`), and room for the rest. */
export const maxLineBytes: number = 6 * maxValueBytes + 64 * 1024;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const fieldNames = new Set([
  "key",
  "keyBase64",
  "keyParts",
  "value",
  "valueBase64",
  "patch",
  "patchBase64",
  "delete",
  "lsn",
]);

/** What one line says. */
export interface ChangeLine {
  /** The change. */
  change: Change;
  /** The LSN that it asks for, if it does. */
  lsn: Lsn | undefined;
}

/** How lines are read. */
export interface ChangeLineOptions {
  /** Whether `key`, `value` and `patch` are base64. */
  base64?: boolean;
  /** Whether `lsn` is passed over. */
  ignoreLsn?: boolean;
}

/**
 * Parses one line: `{"key":…,"value":…}`, `{"key":…,"patch":…}` or `{"key":…,"delete":true}`, with an `lsn` or without.
 * `keyBase64`, `valueBase64` and `patchBase64` may stand for `key`, `value` and `patch`, and `keyParts` for a key of
 * several parts.
 *
 * @param line The line, without its end.
 * @param options How it is read.
 * @returns The change. Its key is a string exactly if it is UTF-8.
 * @throws {SyntaxError} If it is no JSON, or has another shape.
 * @throws {TypeError} If a field has another type.
 * @throws {LimitError} If the key is empty or over 512 bytes, or the value is over 64 MiB.
 */
export function parseChangeLine(line: string, options: ChangeLineOptions = {}): ChangeLine {
  const fields = parseObject(line);
  const base64 = options.base64 ?? false;
  const key = checkedKey(takeKey(fields, base64));
  const lsn = fields.lsn === undefined || options.ignoreLsn ? undefined : checkLsn(fields.lsn, 1);
  const value = takeBytes(fields, "value", base64), patch = takeBytes(fields, "patch", base64);
  if ([value, patch, fields.delete].filter((given) => given !== undefined).length !== 1) {
    throw new SyntaxError('expected either "value", "patch" or "delete"');
  }
  if (patch !== undefined) return { change: { key, patch: checkedValue(patch) }, lsn };
  if (value === undefined) return { change: { key, delete: expectTrue(fields.delete) }, lsn };
  return { change: { key, value: checkedValue(value) }, lsn };
}

function parseObject(line: string): Record<string, unknown> {
  const fields: unknown = parseJson(line);
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw new SyntaxError(
      `expected an object, found ${Array.isArray(fields) ? "an array" : typeName(fields)}`,
    );
  }
  for (const name of Object.keys(fields)) {
    if (!fieldNames.has(name)) throw new SyntaxError(`unknown field "${name}"`);
  }
  return fields as Record<string, unknown>;
}

function takeKey(fields: Record<string, unknown>, base64: boolean): Uint8Array | string | undefined {
  const key = takeBytes(fields, "key", base64);
  if (fields.keyParts === undefined) return key;
  if (key !== undefined) throw new SyntaxError('expected either "key" or "keyParts", found both');
  return keyOfParts(fields.keyParts);
}

function takeBytes(
  fields: Record<string, unknown>,
  name: string,
  base64: boolean,
): Uint8Array | string | undefined {
  const plain = expectText(fields[name], name);
  const coded = expectText(fields[`${name}Base64`], `${name}Base64`);
  if (plain !== undefined && coded !== undefined) {
    throw new SyntaxError(`expected either "${name}" or "${name}Base64", found both`);
  }
  if (coded !== undefined) return decodeBase64(coded, `${name}Base64`);
  if (plain !== undefined && base64) return decodeBase64(plain, name);
  if (plain?.isWellFormed() === false) throw new SyntaxError(`"${name}" holds a lone surrogate`);
  return plain;
}

function expectText(field: unknown, name: string): string | undefined {
  if (field === undefined || typeof field === "string") return field;
  throw new TypeError(`expected "${name}" to be a string, found ${typeName(field)}`);
}

function decodeBase64(text: string, name: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw new SyntaxError(`expected "${name}" to be base64`);
  }
}

function checkedKey(key: Uint8Array | string | undefined): Uint8Array | string {
  if (key === undefined) throw new SyntaxError('expected "key"');
  keyBytes(key);
  return typeof key !== "string" && isUtf8(key) ? decoder.decode(key) : key;
}

function checkedValue(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  if (bytes.length <= maxValueBytes) return bytes;
  throw new LimitError(`value is ${bytes.length} bytes long, the limit is ${maxValueBytes}`, {
    limit: maxValueBytes,
    found: bytes.length,
  });
}

function expectTrue(field: unknown): true {
  if (field === true) return true;
  throw new TypeError(`expected "delete" to be true, found ${JSON.stringify(field)}`);
}
