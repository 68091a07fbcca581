/** Keys in messages. */

import type { KeyPart } from "./key_part.ts";
import { decodeKey } from "./structured_key.ts";

const decoder = new TextDecoder();

/**
 * A key as one line of printable ASCII: in quotes where it is such text itself, as its parts where it is structured, and
 * otherwise in hexadecimal.
 */
export function keyText(key: Uint8Array): string {
  if (key.every((byte) => byte >= 0x20 && byte < 0x7f)) return `"${decoder.decode(key)}"`;
  try {
    return `[${decodeKey(key).map(partText).join(", ")}]`;
  } catch {
    return `0x${key.toHex()}`;
  }
}

function partText(part: KeyPart): string {
  if (part instanceof Uint8Array) return `0x${part.toHex()}`;
  if (typeof part === "string") return JSON.stringify(part).replace(/[^ -~]/g, escaped);
  return Object.is(part, -0) ? "-0" : typeof part === "bigint" ? `${part}n` : `${part}`;
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
