/**
 * Structured keys as text: a JSON array of their parts.
 *
 * ```text
 * ["user",42,true]                    strings, numbers and booleans as JSON has them
 * [{"bigint":"9007199254740993"}]     bigints, in decimal
 * [{"base64":"AP8="}]                 bytes
 * [{"number":"NaN"}]                  numbers that JSON has not: NaN, Infinity, -Infinity
 * ```
 */

import { decodeKey, encodeKey, type KeyPart, maxKeyBytes } from "../base/mod.ts";

/** More digits than any key holds: a key of 512 bytes is a bigint of some 1,230 digits. */
const maxDigits = 3 * maxKeyBytes;

/**
 * Parses parts and encodes them.
 *
 * @param text A JSON array.
 * @returns The key; empty if there are no parts.
 * @throws {SyntaxError} If it is no such array.
 * @throws {TypeError} If a string holds a lone surrogate.
 * @throws {LimitError} If the key is longer than 512 bytes.
 */
export function parseKeyParts(text: string): Uint8Array {
  return keyOfParts(parseJson(text));
}

/**
 * Parses JSON that may hold parts.
 *
 * @param text The JSON.
 * @returns What it holds.
 * @throws {SyntaxError} If it is no JSON, or a part is a number that is not exact.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, exactNumber);
  } catch (error) {
    // The text is a line of many, or a word of a command: which line of it is wrong says nothing.
    const reason = (error as Error).message.replace(/ \(line \d+ column \d+\)$/, "");
    throw new SyntaxError(reason, { cause: error });
  }
}

/**
 * Encodes parts as JSON has them.
 *
 * @param parts What {@linkcode parseJson} made of them.
 * @returns The key.
 * @throws {SyntaxError} If they are no parts.
 */
export function keyOfParts(parts: unknown): Uint8Array {
  if (!Array.isArray(parts)) throw new SyntaxError("expected an array of parts");
  return encodeKey(parts.map(partOf));
}

/** A reviver that refuses parts that a number cannot hold, and which would else become others in silence. */
function exactNumber(
  this: unknown,
  _name: string,
  value: unknown,
  context?: { source?: string },
): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !Array.isArray(this)) return value;
  const source = context?.source ?? "";
  if (!/^-?[0-9]+$/.test(source)) return value;
  throw new SyntaxError(`${source} is not exact as a number, write {"bigint":"${source}"}`);
}

function partOf(part: unknown): KeyPart {
  if (typeof part === "string" || typeof part === "number" || typeof part === "boolean") return part;
  const fields = Object.entries(part ?? {});
  if (typeof part === "object" && !Array.isArray(part) && fields.length === 1) {
    const [name, text] = fields[0];
    const special = typeof text === "string" ? specialPart(name, text) : undefined;
    if (special !== undefined) return special;
  }
  throw new SyntaxError(`${JSON.stringify(part)} is no part`);
}

function specialPart(name: string, text: string): KeyPart | undefined {
  if (name === "base64") return Uint8Array.fromBase64(text);
  if (name === "bigint" && /^-?[0-9]+$/.test(text) && text.length <= maxDigits) return BigInt(text);
  if (name === "number" && /^(NaN|-?Infinity)$/.test(text)) return Number(text);
  return undefined;
}

/**
 * The parts of a key as JSON.
 *
 * @param key Any key.
 * @returns An array, or `undefined` if it is no structured key.
 */
export function formatKeyParts(key: Uint8Array): string | undefined {
  try {
    return `[${decodeKey(key).map(formatPart).join(",")}]`;
  } catch {
    return undefined;
  }
}

function formatPart(part: KeyPart): string {
  if (part instanceof Uint8Array) return JSON.stringify({ base64: part.toBase64() });
  if (typeof part === "bigint") return JSON.stringify({ bigint: String(part) });
  if (Object.is(part, -0)) return "-0";
  if (typeof part === "number" && !Number.isFinite(part)) return JSON.stringify({ number: String(part) });
  // With digits alone it would be refused as one that may stand for another.
  const isUnsafe = Number.isInteger(part) && !Number.isSafeInteger(part);
  if (typeof part === "number" && isUnsafe) return part.toExponential();
  return JSON.stringify(part);
}
