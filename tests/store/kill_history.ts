/** The history that a writer which is killed writes, and that its survivor is compared with: each LSN tells its batch. */

import type { Change } from "../../mod.ts";
import { patterned } from "./bytes.ts";
import { modelRedo } from "./model.ts";

/** How many keys there are. */
export const keyCount = 50;
const lengths = [0, 1, 100, 511, 512, 2000, 4095, 4096, 4097];

/** The name of a key. */
export function keyName(key: number): string {
  return `key/${key}`;
}

/** The length of the value that an LSN gives to a key; `undefined` if it deletes the key. */
export function lengthAt(lsn: number, key: number): number | undefined {
  if ((lsn * 7 + key) % 11 === 0) return undefined;
  return lsn % 97 === 0 ? 70_000 : lengths[(lsn + key) % lengths.length];
}

/** The keys of a batch. */
export function keysAt(lsn: number): number[] {
  return Array.from({ length: 1 + lsn % 3 }, (_, i) => (lsn + i * 17) % keyCount);
}

/** The batch of an LSN. */
export function changesAt(lsn: number): Change[] {
  return keysAt(lsn).map((key) => {
    const length = lengthAt(lsn, key);
    const name = keyName(key);
    return length === undefined
      ? { key: name, delete: true }
      : { key: name, value: patterned(length, lsn + key) };
  });
}

/** The patch that an LSN is of a key, if it does not put or delete it, in a history with patches. */
function patchAt(lsn: number, key: number): Uint8Array | undefined {
  return (lsn * 5 + key) % 6 === 0 ? patterned(lsn % 90, lsn + key) : undefined;
}

/** The batch of an LSN, in a history with patches. */
export function patchedChangesAt(lsn: number): Change[] {
  const keys = keysAt(lsn);
  return changesAt(lsn).map((change, i) => {
    const patch = patchAt(lsn, keys[i]);
    return patch === undefined ? change : { key: change.key, patch };
  });
}

/** What a key has as of an LSN that writes it, in a history with patches; `undefined` for nothing. */
export function valueAt(lsn: number, key: number, before: Uint8Array | undefined): Uint8Array | undefined {
  const patch = patchAt(lsn, key), length = lengthAt(lsn, key);
  if (patch !== undefined) return modelRedo(patch, before, [patch]);
  return length === undefined ? undefined : patterned(length, lsn + key);
}
