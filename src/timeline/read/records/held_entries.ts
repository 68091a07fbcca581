/**
 * Taking entries whose records were met side by side, of one memory: they are copied at once.
 *
 * ```
 *   held     … │ header │ k1 │ value 1 │ header │ k2 │ value 2 │ header │ k3 │ value 3 │ …
 *   block                ├─────────────────────────────────────────────────────────────┤    entries lie in it
 * ```
 *
 * @module
 */

import { recordHeaderBytes } from "../../../layer/mod.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import type { KeyList } from "./columns.ts";
import type { Copies } from "./copies.ts";
import type { Places } from "./places.ts";

/** The longest gap between two entries that is copied with them: a header, and a small record that nobody asked for. */
const mostGapBytes: number = recordHeaderBytes + 108;

/**
 * Up to which key entries can be taken at once.
 *
 * @param places Where their versions lie, and what is held of them.
 * @param keys The keys.
 * @param from The first key.
 * @param to The key after the last.
 * @param mostBytes The most bytes that are copied at once.
 * @returns The key after the last of them; `from + 1` if there is none but the first.
 */
export function heldEnd(places: Places, keys: KeyList, from: number, to: number, mostBytes: number): number {
  const memory = places.heldIn(from);
  if (memory === undefined || !places.hasRecords) return from + 1;
  const start = places.heldStart(from) - keys.lengthAt(from);
  let key = from + 1;
  for (let end = places.heldEnd(from); key < to && places.heldIn(key) === memory; key++) {
    const keyStart = places.heldStart(key) - keys.lengthAt(key);
    if (keyStart < end || keyStart - end > mostGapBytes || places.heldEnd(key) - start > mostBytes) break;
    end = places.heldEnd(key);
  }
  return key;
}

/** Takes the entries of keys that {@linkcode heldEnd} found. Hot: `bench/scan.ts`. */
export function takeHeld(
  places: Places,
  keys: KeyList,
  from: number,
  to: number,
  copies: Copies,
  entries: (Entry | DamagedEntry)[],
): void {
  const memory = places.heldIn(from) as Uint8Array<ArrayBuffer>;
  const start = places.heldStart(from) - keys.lengthAt(from);
  const block = copies.block(memory, start, places.heldEnd(to - 1));
  for (let key = from; key < to; key++) {
    const at = places.heldStart(key) - start, keyLength = keys.lengthAt(key);
    entries.push({
      key: new Uint8Array(block, at - keyLength, keyLength),
      value: new Uint8Array(block, at, places.heldEnd(key) - start - at),
      lsn: places.lsnOf(key),
    });
    places.letGo(key);
  }
}
