/**
 * Bytes as text that is safe to show: UTF-8 as it is, and as `\xNN` every byte that is no UTF-8, every control
 * character, and what would reorder or hide text. A backslash is doubled; tab, line feed and carriage return are
 * `\t`, `\n` and `\r`. So the text is one line, without a tab, and the bytes can be told from it.
 */

import { isUtf8 } from "node:buffer";
import type { Output } from "./output.ts";

/** The most bytes that are turned into text at once. */
const sliceBytes = 48 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const unsafe = /[\\\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;
const named: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/**
 * Returns bytes as text that is safe to show.
 *
 * @param bytes Any bytes.
 * @returns One line of text.
 */
export function escapeBytes(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return escapeText(decoder.decode(bytes));
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) text += hexByte(bytes[at]);
    else text += escapeText(decoder.decode(bytes.subarray(at, at + length)));
    at += Math.max(length, 1);
  }
  return text;
}

/**
 * Returns text that is safe to show.
 *
 * @param text Any text.
 * @returns One line of it.
 */
export function escapeText(text: string): string {
  return text.replace(unsafe, (char) => named[char] ?? Array.from(encoder.encode(char), hexByte).join(""));
}

/** Writes bytes as text that is safe to show, without ever holding all of the text. */
export async function writeEscaped(output: Output, bytes: Uint8Array): Promise<void> {
  for (const slice of characterSlices(bytes)) await output.write(escapeBytes(slice));
}

/**
 * Cuts bytes into slices of bounded size, none of which ends within a character of UTF-8.
 *
 * @param bytes Any bytes; where they are no UTF-8, a slice may end anywhere.
 */
export function* characterSlices(bytes: Uint8Array): Generator<Uint8Array> {
  let at = 0;
  while (at < bytes.length) {
    let end = Math.min(at + sliceBytes, bytes.length);
    for (let back = 0; back < 3 && end < bytes.length && isContinuation(bytes[end]); back++) end--;
    yield bytes.subarray(at, end);
    at = end;
  }
}

/** Returns the length of the character at `at`, or 0 if there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  // The first byte of a character of several bytes begins with as many ones.
  const length = Math.max(Math.clz32(~bytes[at] << 24), 1);
  return isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function hexByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
