/**
 * Lines as most programs write them, read without making text of them. Hot: every line comes here first.
 *
 * ```text
 * {"key":"a","value":"b"}            {"key":"a","lsn":7,"value":"b"}            {"key":"a","value":"b","lsn":7}
 * ```
 * A line that is otherwise, in order, in spaces, by an escape, or because it is wrong, is left to the parser of JSON.
 */

import { maxKeyBytes, maxValueBytes } from "../../base/mod.ts";

const quote = 0x22;
const backslash = 0x5c;
const encoder = new TextEncoder();
const keyHead = encoder.encode('{"key":"');
const valueHead = encoder.encode('","value":"');
const valueAfterLsn = encoder.encode(',"value":"');
const lsnHead = encoder.encode('","lsn":');
const end = encoder.encode('"}');
const endOfNumber = encoder.encode("}");
/** A number of more digits might be no safe integer. */
const maxDigits = 15;

/** Where the fields of a line are. One serves for all lines. */
export class PlainLine {
  /** Where the key begins. */
  keyStart = 0;
  /** Where it ends. */
  keyEnd = 0;
  /** Where the value begins. */
  valueStart = 0;
  /** Where it ends. */
  valueEnd = 0;
  /** The LSN; 0 if there is none. */
  lsn = 0;
  #at = 0;

  /**
   * Finds the fields of a line.
   *
   * @param bytes UTF-8.
   * @param from Where the line begins.
   * @param to Where it ends, without its line feed.
   * @returns Whether it is a plain line.
   */
  read(bytes: Uint8Array, from: number, to: number): boolean {
    this.#at = from;
    this.lsn = 0;
    if (!this.#take(bytes, to, keyHead)) return false;
    this.keyStart = from + keyHead.length;
    this.keyEnd = textEnd(bytes, this.keyStart, to);
    this.#at = this.keyEnd;
    if (this.#take(bytes, to, lsnHead)) {
      if (!this.#takeLsn(bytes, to) || !this.#take(bytes, to, valueAfterLsn)) return false;
    } else if (!this.#take(bytes, to, valueHead)) return false;
    this.valueStart = this.#at;
    this.valueEnd = textEnd(bytes, this.valueStart, to);
    this.#at = this.valueEnd;
    if (!this.#takeEnd(bytes, to) || this.#at !== to) return false;
    const keyLength = this.keyEnd - this.keyStart;
    return keyLength > 0 && keyLength <= maxKeyBytes && this.valueEnd - this.valueStart <= maxValueBytes;
  }

  #takeEnd(bytes: Uint8Array, to: number): boolean {
    if (this.lsn > 0 || !this.#take(bytes, to, lsnHead)) return this.#take(bytes, to, end);
    return this.#takeLsn(bytes, to) && this.#take(bytes, to, endOfNumber);
  }

  #take(bytes: Uint8Array, to: number, expected: Uint8Array): boolean {
    const at = this.#at;
    if (at + expected.length > to) return false;
    for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
    this.#at += expected.length;
    return true;
  }

  /** Takes an integer of 1 or more as JSON writes it: without leading zeros. */
  #takeLsn(bytes: Uint8Array, to: number): boolean {
    const start = this.#at;
    let lsn = 0, at = start;
    for (; at < to && bytes[at] >= 0x30 && bytes[at] <= 0x39; at++) lsn = lsn * 10 + bytes[at] - 0x30;
    if (at === start || at - start > maxDigits || bytes[start] === 0x30) return false;
    this.#at = at;
    this.lsn = lsn;
    return true;
  }
}

/** Where a JSON string ends; `to` if it holds what JSON escapes or forbids. */
function textEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === quote) return at;
    if (byte === backslash || byte < 0x20) return to;
  }
  return to;
}
