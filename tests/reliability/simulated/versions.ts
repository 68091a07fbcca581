/** The model: every version of every key in a sorted array, and what must be answered of it. */

/** One change of a batch. Keys are ASCII, so that they sort as their bytes do. */
export interface Change {
  /** The key. */
  readonly key: string;
  /** The value that it comes to; `undefined` if that is none. */
  readonly value: Uint8Array | undefined;
  /** The patch that is appended, if the value is not. */
  readonly patch?: Uint8Array | undefined;
}

/** Bytes of a value that a patch keeps. */
const keptBytes = 400;

/** The value that a patch makes: it stands behind the end of the older one. */
export function patched(base: Uint8Array | undefined, patch: Uint8Array): Uint8Array {
  return new Uint8Array([...base?.subarray(-keptBytes) ?? [], ...patch]);
}

/** What a key became at an LSN. */
export interface Version extends Change {
  /** The LSN. */
  readonly lsn: number;
}

/** Changes that are applied as one. */
export interface Batch {
  /** Its LSN. */
  readonly lsn: number;
  /** Its changes, in order. */
  readonly changes: readonly Change[];
}

/** The versions of some batches, by key and LSN. */
export class Versions {
  /** Every key that has a version, sorted. */
  readonly keys: readonly string[];
  readonly #sorted: readonly Version[];

  /** Takes batches in the order of their LSNs. */
  constructor(batches: readonly Batch[]) {
    const last = new Map<string, Version>();
    for (const { lsn, changes } of batches) {
      for (const change of changes) last.set(`${change.key} ${lsn}`, { ...change, lsn });
    }
    this.#sorted = [...last.values()].sort((a, b) =>
      a.key === b.key ? a.lsn - b.lsn : a.key < b.key ? -1 : 1
    );
    this.keys = [...new Set(this.#sorted.map(({ key }) => key))];
  }

  /** The version of a key as of an LSN. */
  at(key: string, lsn: number): Version | undefined {
    return this.#sorted.findLast((version) => version.key === key && version.lsn <= lsn);
  }

  /** The versions of a key between two LSNs, both inclusive. */
  history(key: string, from: number, to: number): Version[] {
    return this.#sorted.filter((version) => version.key === key && version.lsn >= from && version.lsn <= to);
  }

  /** The versions between two LSNs, both inclusive, by LSN and key. */
  changes(from: number, to: number): Version[] {
    const found = this.#sorted.filter(({ lsn }) => lsn >= from && lsn <= to);
    return found.sort((a, b) => a.lsn - b.lsn || (a.key < b.key ? -1 : 1));
  }

  /** The versions that a scan from a key on gives as of an LSN. */
  scan(start: string, lsn: number): Version[] {
    return this.keys.filter((key) => key >= start).flatMap((key) => {
      const version = this.at(key, lsn);
      return version?.value === undefined ? [] : [version];
    });
  }
}
