/** The model: what a timeline must answer, as sorted arrays of versions. */

import { compareKeys, prefixEnd } from "../../src/base/mod.ts";
import type { Change, Key, ScanRange } from "../../mod.ts";

/** One version of a key. */
export interface ModelVersion {
  /** Its LSN. */
  readonly lsn: number;
  /** Its value; `undefined` if it is a deletion. */
  readonly value: Uint8Array | undefined;
}

/** A change, with its key as bytes. */
export interface ModelChange {
  /** The key. */
  readonly key: Uint8Array;
  /** The value; `undefined` deletes, or there is a patch. */
  readonly value: Uint8Array | undefined;
  /** The patch, if it is one. */
  readonly patch?: Uint8Array | undefined;
}

/** The redo of models: what patches stand on, and each behind a byte of its own. */
export function modelRedo(
  _key: Uint8Array,
  base: Uint8Array | undefined,
  patches: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const parts = [
    base ?? new Uint8Array([0xfe]),
    ...patches.flatMap((patch) => [new Uint8Array([0xff]), patch]),
  ];
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/**
 * Changes with a value in the place of each patch.
 *
 * @param changes The changes of a batch, in order.
 * @param before The value of a key before the batch.
 */
export function redoneChanges(
  changes: readonly ModelChange[],
  before: (key: Uint8Array) => Uint8Array | undefined,
): ModelChange[] {
  const values = new Map<string, Uint8Array | undefined>();
  return changes.map(({ key, value, patch }) => {
    const name = key.toHex(), base = values.has(name) ? values.get(name) : before(key);
    const redone = patch === undefined ? value : modelRedo(key, base, [patch]);
    values.set(name, redone);
    return { key, value: redone };
  });
}

/** A change as it is appended. */
export function toChange({ key, value, patch }: ModelChange): Change {
  if (patch !== undefined) return { key, patch };
  return value === undefined ? { key, delete: true } : { key, value };
}

/** What changed at an LSN. */
export interface ModelBatch {
  /** The LSN. */
  readonly lsn: number;
  /** One change of each key. */
  readonly changes: readonly ModelChange[];
}

/** A key whose value is not the same as of two LSNs. */
export interface ModelDifference {
  /** The key. */
  readonly key: Uint8Array;
  /** Its value as of the first; `undefined` if it had none. */
  readonly before: Uint8Array | undefined;
  /** Its value as of the second. */
  readonly after: Uint8Array | undefined;
}

/** Every version of every key. It only grows, so that a read may be checked as of its LSN at any later time. */
export class Model {
  readonly #versions = new Map<string, ModelVersion[]>();
  /** The LSN of the last batch. */
  lastLsn = 0;

  /** Adds a batch. */
  append(lsn: number, changes: readonly ModelChange[]): void {
    for (const { key, value } of redoneChanges(changes, (key) => this.at(key, lsn)?.value)) {
      const name = key.toHex();
      const versions = this.#versions.get(name) ?? [];
      if (versions.at(-1)?.lsn === lsn) versions.pop();
      versions.push({ lsn, value });
      this.#versions.set(name, versions);
    }
    this.lastLsn = lsn;
  }

  /** The version of a key as of an LSN. */
  at(key: Uint8Array, lsn: number): ModelVersion | undefined {
    return this.#versions.get(key.toHex())?.findLast((version) => version.lsn <= lsn);
  }

  /** The versions of a key between two LSNs, both inclusive. */
  history(key: Uint8Array, from: number, to: number): ModelVersion[] {
    return (this.#versions.get(key.toHex()) ?? []).filter(({ lsn }) => lsn >= from && lsn <= to);
  }

  /** What changed at each LSN between two, both inclusive, in the order of keys. */
  changes(from: number, to: number, prefix: Uint8Array = new Uint8Array(0)): ModelBatch[] {
    const batches = new Map<number, ModelChange[]>();
    for (const name of [...this.#versions.keys()].sort()) {
      const key = Uint8Array.fromHex(name);
      if (!startsWith(key, prefix)) continue;
      for (const { lsn, value } of this.history(key, from, to)) {
        batches.set(lsn, [...(batches.get(lsn) ?? []), { key, value }]);
      }
    }
    return [...batches].map(([lsn, changes]) => ({ lsn, changes })).sort((a, b) => a.lsn - b.lsn);
  }

  /** The keys whose values differ between two LSNs, in their order. */
  diff(before: number, after: number, prefix: Uint8Array = new Uint8Array(0)): ModelDifference[] {
    return [...this.#versions.keys()].sort().map((name) => Uint8Array.fromHex(name))
      .filter((key) => startsWith(key, prefix))
      .map((key) => ({ key, before: this.at(key, before)?.value, after: this.at(key, after)?.value }))
      .filter((one) =>
        one.before === undefined || one.after === undefined
          ? one.before !== one.after
          : compareKeys(one.before, one.after) !== 0
      );
  }

  /** The keys of a range that have a value as of an LSN. */
  scan(range: ScanRange, lsn: number): { key: Uint8Array; version: ModelVersion }[] {
    const bound = (key: Key) => key as Uint8Array;
    const found = [...this.#versions.keys()].sort().map((name) => Uint8Array.fromHex(name))
      .filter((key) => range.start === undefined || compareKeys(key, bound(range.start)) >= 0)
      .filter((key) => range.end === undefined || compareKeys(key, bound(range.end)) < 0)
      .filter((key) => range.prefix === undefined || startsWith(key, bound(range.prefix)))
      .flatMap((key) => {
        const version = this.at(key, lsn);
        return version?.value === undefined ? [] : [{ key, version }];
      });
    if (range.reverse) found.reverse();
    return found.slice(0, range.limit ?? Infinity);
  }
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  const end = prefixEnd(prefix);
  return compareKeys(key, prefix) >= 0 && (end === undefined || compareKeys(key, end) < 0);
}
