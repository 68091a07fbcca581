/**
 * Rows whose bytes are all printable ASCII, written without making text of them. Hot: `varve scan`.
 *
 * A row that is otherwise, or large, is left to those who escape.
 */

import type { Rows } from "../../timeline/mod.ts";
import type { Output } from "./output.ts";

const quote = 0x22;
const backslash = 0x5c;
const tab = 9;
const lineFeed = 10;
const encoder = new TextEncoder();
const jsonHead = encoder.encode('{"key":"');
const jsonLsn = encoder.encode('","lsn":');
const jsonValue = encoder.encode(',"value":"');
const jsonEnd = encoder.encode('"}\n');
/** All that a row has beside its key and value, at the most. */
const aroundBytes = 64;
const nobyte = -1;

/**
 * Writes key, tab, value and line feed.
 *
 * @returns Whether it did; if not, nothing was written.
 */
export function writePlainRow(output: Output, { keys, values }: Rows, row: number): boolean {
  const keyStart = keys.startOf(row), keyEnd = keys.ends[row];
  const valueStart = values.starts[row], valueLength = values.lengths[row];
  if (keyEnd - keyStart + valueLength + aroundBytes > output.room) return false;
  const to = output.buffer, start = output.length;
  let at = copyPlain(to, start, keys.bytes, keyStart, keyEnd, nobyte);
  if (at < 0) return false;
  to[at++] = tab;
  at = copyPlain(to, at, values.bytes, valueStart, valueStart + valueLength, nobyte);
  if (at < 0) return false;
  to[at++] = lineFeed;
  output.take(at - start);
  return true;
}

/**
 * Writes a line of JSON.
 *
 * @returns Whether it did; if not, nothing was written.
 */
export function writePlainJson(output: Output, rows: Rows, row: number): boolean {
  const { keys, values } = rows;
  const keyStart = keys.startOf(row), keyEnd = keys.ends[row];
  const valueStart = values.starts[row], valueLength = values.lengths[row];
  if (keyEnd - keyStart + valueLength + aroundBytes > output.room) return false;
  const to = output.buffer, start = output.length;
  let at = copyPlain(to, copy(to, start, jsonHead), keys.bytes, keyStart, keyEnd, quote);
  if (at < 0) return false;
  at = copy(to, writeDigits(to, copy(to, at, jsonLsn), rows.lsnOf(row)), jsonValue);
  at = copyPlain(to, at, values.bytes, valueStart, valueStart + valueLength, quote);
  if (at < 0) return false;
  output.take(copy(to, at, jsonEnd) - start);
  return true;
}

/** Copies printable ASCII without backslashes and `forbidden`; returns where it ends, −1 if there is something else. */
function copyPlain(
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  end: number,
  forbidden: number,
): number {
  for (let i = start; i < end; i++) {
    const byte = from[i];
    if (byte < 0x20 || byte > 0x7e || byte === backslash || byte === forbidden) return -1;
    to[at++] = byte;
  }
  return at;
}

function copy(to: Uint8Array, at: number, from: Uint8Array): number {
  for (let i = 0; i < from.length; i++) to[at + i] = from[i];
  return at + from.length;
}

function writeDigits(to: Uint8Array, at: number, number: number): number {
  let length = 1;
  for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) length++;
  let left = number;
  for (let i = at + length - 1; i >= at; i--) {
    const tenth = Math.floor(left / 10);
    // The difference first: a sum with a large LSN would be rounded.
    to[i] = 0x30 + (left - tenth * 10);
    left = tenth;
  }
  return at + length;
}
