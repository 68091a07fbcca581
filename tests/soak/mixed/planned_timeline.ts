/**
 * What the mixed soak writes to a timeline: every batch, and so every version of every key, follows from the seed alone.
 * Nobody has to remember what was written, so that whoever opens what a killed process left knows it too.
 *
 * ```
 *   batch      1     2     3     4   …             LSN of batch b = b × stride
 *   places   0 1 2 3 4 5 6 7 8 9 …                 of each key set: so many places to a batch
 *   rounds  └─────── round 0 ───────┘└─ round 1 …  each has every key of the set once, in an order of its own
 * ```
 *
 * Some places are left empty and some delete, so that versions of a key lie at random distances.
 */

import { Random } from "../../random.ts";

/** Keys that are written alike. */
export interface KeySet {
  /** What their names start with. */
  readonly prefix: string;
  /** There are 2 to this power of them; an even number. */
  readonly bits: number;
  /** So many places of a batch are theirs: a power of two, not more than there are keys. */
  readonly places: number;
}

/** How a timeline is written. */
export interface LinePlan {
  /** Its name. */
  readonly name: string;
  /** LSNs are multiples of this. */
  readonly stride: number;
  /** Its keys, in their order. */
  readonly sets: readonly KeySet[];
}

/** A key, by its set and its number in it. */
export interface PlannedKey {
  /** Its set. */
  readonly set: number;
  /** Its number. */
  readonly index: number;
}

/** One version of a key. */
export interface PlannedVersion {
  /** Its LSN. */
  readonly lsn: number;
  /** Its value; `undefined` if it is a deletion. */
  readonly value: Uint8Array | undefined;
}

const poolBytes = 1 << 17, longestBytes = 32 * 1024, headBytes = 12, recordOverheadBytes = 24;

/** See the top of the file. */
export class PlannedTimeline {
  /** How it is written. */
  readonly plan: LinePlan;
  readonly #seed: number;
  readonly #pool: Uint8Array;
  readonly #prefixes: readonly Uint8Array[];
  /** The bytes of all batches up to one. */
  #summed = { batch: 0, bytes: 0 };

  /** The same for the same seed and plan. */
  constructor(seed: number, plan: LinePlan) {
    this.plan = plan;
    this.#seed = [...plan.name].reduce((hash, letter) => mixed(hash, letter.charCodeAt(0)), seed);
    this.#pool = new Random(this.#seed).bytes(poolBytes + longestBytes);
    this.#prefixes = plan.sets.map(({ prefix }) => new TextEncoder().encode(prefix));
  }

  /** The LSN of a batch. */
  lsnOf(batch: number): number {
    return batch * this.plan.stride;
  }

  /** The last batch at or before an LSN. */
  batchAt(lsn: number): number {
    return Math.floor(lsn / this.plan.stride);
  }

  /** The bytes of a key; those of a set are in the order of their numbers. */
  key({ set, index }: PlannedKey): Uint8Array<ArrayBuffer> {
    const prefix = this.#prefixes[set], key = new Uint8Array(prefix.length + 4);
    key.set(prefix);
    new DataView(key.buffer).setUint32(prefix.length, index);
    return key;
  }

  /** The keys of a batch. */
  *keysOf(batch: number): Generator<PlannedKey> {
    for (const [set, { places }] of this.plan.sets.entries()) {
      for (let place = (batch - 1) * places; place < batch * places; place++) {
        if (!this.#isEmpty(set, place)) yield { set, index: this.#indexAt(set, place) };
      }
    }
  }

  /** The newest version of a key as of an LSN. */
  versionAt(key: PlannedKey, lsn: number): PlannedVersion | undefined {
    for (const batch of this.#batchesOf(key, this.batchAt(lsn))) return this.#version(key, batch);
    return undefined;
  }

  /** The versions of a key between two LSNs, both inclusive, oldest first. */
  versionsBetween(key: PlannedKey, from: number, to: number): PlannedVersion[] {
    const versions: PlannedVersion[] = [];
    for (const batch of this.#batchesOf(key, this.batchAt(to))) {
      if (this.lsnOf(batch) < from) break;
      versions.push(this.#version(key, batch));
    }
    return versions.reverse();
  }

  /** The bytes of records of all that can be read as of a horizon and later, up to an LSN. */
  readableBytes(horizon: number, lastLsn: number): number {
    const last = this.batchAt(lastLsn);
    if (horizon === 0) return this.#bytesUpTo(last);
    let bytes = this.batchBytes(this.batchAt(horizon), last);
    for (const [set, { bits }] of this.plan.sets.entries()) {
      for (let index = 0; index < 2 ** bits; index++) {
        for (const batch of this.#batchesOf({ set, index }, this.batchAt(horizon))) {
          if (!this.#isDeletion(set, index, batch)) bytes += this.#recordBytes(set, index, batch);
          break;
        }
      }
    }
    return bytes;
  }

  /** The bytes of records of the batches behind one, up to another. */
  batchBytes(behind: number, last: number): number {
    let bytes = 0;
    for (let batch = behind + 1; batch <= last; batch++) {
      for (const { set, index } of this.keysOf(batch)) bytes += this.#recordBytes(set, index, batch);
    }
    return bytes;
  }

  #bytesUpTo(batch: number): number {
    const { batch: from, bytes } = this.#summed.batch > batch ? { batch: 0, bytes: 0 } : this.#summed;
    this.#summed = { batch, bytes: bytes + this.batchBytes(from, batch) };
    return this.#summed.bytes;
  }

  /** The batches that have a key, newest first. */
  *#batchesOf({ set, index }: PlannedKey, last: number): Generator<number> {
    const { bits, places } = this.plan.sets[set], keys = 2 ** bits, end = last * places;
    for (let round = Math.floor(end / keys); round >= 0; round--) {
      const place = round * keys + this.#unordered(bits, round, index);
      if (place < end && !this.#isEmpty(set, place)) yield Math.floor(place / places) + 1;
    }
  }

  #version(key: PlannedKey, batch: number): PlannedVersion {
    const { set, index } = key, lsn = this.lsnOf(batch);
    return { lsn, value: this.#isDeletion(set, index, batch) ? undefined : this.#value(set, index, batch) };
  }

  #isEmpty(set: number, place: number): boolean {
    return mixed(this.#seed + set, place) % 4 === 0;
  }

  #isDeletion(set: number, index: number, batch: number): boolean {
    return this.#dice(set, index, batch) % 16 === 0;
  }

  #value(set: number, index: number, batch: number): Uint8Array<ArrayBuffer> {
    const dice = this.#dice(set, index, batch), at = dice % poolBytes;
    const value = this.#pool.slice(at, at + this.#valueBytes(set, index, batch));
    const head = new DataView(value.buffer);
    [batch, index, dice].forEach((word, i) => head.setUint32(4 * i, word));
    return value;
  }

  /** Most are short, one of 64 has up to 32 KiB. */
  #valueBytes(set: number, index: number, batch: number): number {
    const dice = mixed(this.#dice(set, index, batch), 1), kind = dice % 64;
    const most = kind === 0 ? longestBytes : kind < 16 ? 4096 : 800;
    return headBytes + (dice >>> 6) % (most - headBytes);
  }

  #recordBytes(set: number, index: number, batch: number): number {
    const value = this.#isDeletion(set, index, batch) ? 0 : this.#valueBytes(set, index, batch);
    return recordOverheadBytes + this.#prefixes[set].length + 4 + value;
  }

  #dice(set: number, index: number, batch: number): number {
    return mixed(mixed(this.#seed + set, index), batch);
  }

  #indexAt(set: number, place: number): number {
    const { bits } = this.plan.sets[set], keys = 2 ** bits;
    return this.#ordered(bits, Math.floor(place / keys), place % keys);
  }

  /** The order of keys in a round: a Feistel network of four steps, which can be gone back. */
  #ordered(bits: number, round: number, place: number): number {
    const half = bits / 2, mask = 2 ** half - 1;
    let left = place >>> half, right = place & mask;
    for (let step = 0; step < 4; step++) {
      [left, right] = [right, left ^ this.#turn(round, step, right) & mask];
    }
    return left << half | right;
  }

  #unordered(bits: number, round: number, index: number): number {
    const half = bits / 2, mask = 2 ** half - 1;
    let left = index >>> half, right = index & mask;
    for (let step = 3; step >= 0; step--) {
      [left, right] = [right ^ this.#turn(round, step, left) & mask, left];
    }
    return left << half | right;
  }

  #turn(round: number, step: number, half: number): number {
    return mixed(mixed(this.#seed, round * 4 + step), half);
  }
}

/** Two words made one in which each bit of both counts: the end of MurmurHash3 (Austin Appleby, public domain). */
function mixed(a: number, b: number): number {
  let hash = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(b + 1, 0xcc9e2d51) | 0;
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
