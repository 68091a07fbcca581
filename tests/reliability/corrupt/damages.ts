/**
 * Every way in which files may rot, counted: each kind of damage to a store is a space of so many, of which any can be
 * made by its number.
 */

import { equals } from "@std/bytes";
import { Random } from "../../random.ts";
import { block, type Disk, isManifestPath } from "./golden.ts";
import type { Whole } from "./verdict.ts";

/** The kinds of damage. */
export const damageKinds = [
  "flips",
  "truncations",
  "deletions",
  "swaps",
  "zeroed",
  "stale",
  "exchanged",
] as const;
/** A kind of damage. */
export type DamageKind = typeof damageKinds[number];

/** What is done to files. */
export interface Damage {
  /** What is done, in words that say how to do it again. */
  readonly words: string;
  /** What files hold then; `undefined` if there is none. */
  readonly files: ReadonlyMap<string, Uint8Array | undefined>;
  /** Where bytes may differ in each of these files; left out, anywhere. */
  readonly range?: readonly [number, number];
}

/** All damage of one kind. */
export interface DamageSpace {
  readonly kind: DamageKind;
  readonly size: number;
  readonly at: (number: number) => Damage;
}

/** One of several spaces that are counted through, and the number in it. */
function joined(kind: DamageKind, spaces: readonly Omit<DamageSpace, "kind">[]): DamageSpace {
  const size = spaces.reduce((sum, space) => sum + space.size, 0);
  return {
    kind,
    size,
    at: (number) => {
      let left = number, i = 0;
      while (left >= spaces[i].size) left -= spaces[i++].size;
      return spaces[i].at(left);
    },
  };
}

function one(path: string, bytes: Uint8Array | undefined, words: string): Damage {
  return { words: `${words} of ${path}`, files: new Map([[path, bytes]]) };
}

/** Where the bytes end that are not zero. */
function usedBytes(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

/** The offsets whose bytes are flipped: all, or few of those that were never written or are not looked at. */
function offsetsOf(bytes: Uint8Array, every: boolean, isOld: boolean): Uint32Array {
  const used = Math.ceil(usedBytes(bytes) / block) * block, sparse = 61;
  return Uint32Array.from(bytes.keys().filter((at) => every || at % sparse === 0 || at < used && !isOld));
}

/**
 * Bits of every byte.
 *
 * @param every Whether it is every bit of every byte, and not one bit of each byte, few of them in blocks of zeros.
 */
export function flips({ disk }: Whole, every: boolean, seed: number): DamageSpace {
  const newest = disk.paths().filter(isManifestPath).at(-1);
  return joined(
    "flips",
    disk.paths().map((path) => {
      const bytes = disk.contents(path), isOld = isManifestPath(path) && path !== newest;
      const offsets = offsetsOf(bytes, every, isOld), bits = every ? 8 : 1;
      return {
        size: offsets.length * bits,
        at: (number) => {
          const offset = offsets[Math.floor(number / bits)];
          const bit = every ? number % 8 : new Random(seed ^ offset).below(8);
          const flipped = bytes.slice();
          flipped[offset] ^= 1 << bit;
          return { ...one(path, flipped, `bit ${bit} of byte ${offset}`), range: [offset, offset + 1] };
        },
      };
    }),
  );
}

/** Lengths to which files are cut: all, or those around blocks and some between. */
export function truncations({ disk }: Whole, every: boolean): DamageSpace {
  const isNear = (length: number) => (length + 4) % block <= 8 || length % 191 === 0;
  return joined(
    "truncations",
    disk.paths().map((path) => {
      const bytes = disk.contents(path);
      const lengths = Uint32Array.from(bytes.keys().filter((length) => every || isNear(length)));
      return {
        size: lengths.length,
        at: (number) => one(path, bytes.subarray(0, lengths[number]), `the first ${lengths[number]} bytes`),
      };
    }),
  );
}

/** Files that are gone, one and two at a time. */
export function deletions({ disk }: Whole): DamageSpace {
  const paths = disk.paths(), { length } = paths;
  return {
    kind: "deletions",
    size: length * length,
    at: (number) => {
      const gone = [paths[number % length], paths[Math.floor(number / length)]];
      const files = new Map(gone.map((path) => [path, undefined]));
      return { words: `no ${[...new Set(gone)].join(", no ")}`, files };
    },
  };
}

/** A block that stands somewhere. */
interface Block {
  readonly path: string;
  readonly number: number;
  readonly bytes: Uint8Array;
}

function blocksOf(disk: Disk): Block[] {
  return disk.paths().flatMap((path) => {
    const bytes = disk.contents(path);
    return Array.from({ length: bytes.length / block }, (_, number) => ({
      path,
      number,
      bytes: bytes.subarray(number * block, (number + 1) * block),
    }));
  });
}

/** Puts blocks into files. */
function placed(disk: Disk, words: string, blocks: readonly Block[]): Damage {
  const files = new Map<string, Uint8Array>();
  for (const { path, number, bytes } of blocks) {
    const whole = files.get(path) ?? disk.contents(path).slice();
    whole.set(bytes, number * block);
    files.set(path, whole);
  }
  return { words, files };
}

/** Two of several that stand in a row, by their places: `from` comes to stand over `to`, or both are swapped. */
interface Placement {
  readonly from: number;
  readonly to: number;
  readonly isSwap: boolean;
}

/** How many placements of so many there are: each over each, and every two swapped. */
function placements(length: number): number {
  return length * length + length * (length - 1) / 2;
}

/** A placement by its number. */
function placementAt(number: number, length: number): Placement {
  const swap = number - length * length;
  if (swap < 0) return { from: number % length, to: Math.floor(number / length), isSwap: false };
  // Before those of a place come those of the places before it, which are 0, 1, 2 and so on.
  const to = Math.floor((1 + Math.sqrt(1 + 8 * swap)) / 2);
  return { from: swap - to * (to - 1) / 2, to, isSwap: true };
}

/** Blocks that were written over another one, of one file or of two, and pairs of blocks that are swapped. */
export function swaps({ disk }: Whole): DamageSpace {
  const blocks = blocksOf(disk), { length } = blocks;
  const nameOf = ({ path, number }: Block) => `block ${number} of ${path}`;
  return {
    kind: "swaps",
    size: placements(length),
    at: (number) => {
      const { from, to, isSwap } = placementAt(number, length), a = blocks[from], b = blocks[to];
      const over = { ...b, bytes: a.bytes }, back = isSwap ? [{ ...a, bytes: b.bytes }] : [];
      return placed(disk, `${nameOf(a)} ${isSwap ? "and" : "over"} ${nameOf(b)}`, [over, ...back]);
    },
  };
}

/** Runs of up to eight blocks that are zeros, or ones. */
export function zeroed({ disk }: Whole): DamageSpace {
  const blocks = blocksOf(disk), longest = 8, fills = [0, 0xff];
  return {
    kind: "zeroed",
    size: blocks.length * longest * fills.length,
    at: (number) => {
      const first = number % blocks.length, rest = Math.floor(number / blocks.length);
      const byte = fills[rest % fills.length], length = Math.floor(rest / fills.length) + 1;
      const { path, number: from } = blocks[first];
      const run = blocks.slice(first, first + length).filter((other) => other.path === path)
        .map((other) => ({ ...other, bytes: new Uint8Array(block).fill(byte) }));
      return placed(disk, `${run.length} blocks of bytes ${byte} from ${from} on in ${path}`, run);
    },
  };
}

/** Runs of blocks that hold what an older state of the same file held there, up to whole files, if it was not the same. */
export function stale({ disk, older }: Whole): DamageSpace {
  const spaces = disk.paths().flatMap((path) =>
    (older.get(path) ?? []).map((old, age) => {
      const bytes = disk.contents(path), count = Math.ceil(bytes.length / block);
      const before = new Uint8Array(bytes.length);
      before.set(old.subarray(0, bytes.length));
      const runs = staleRuns(bytes, before, count);
      return {
        size: runs.length,
        at: (number: number) => {
          const [from, to] = runs[number], mixed = bytes.slice();
          mixed.set(before.subarray(from * block, to * block), from * block);
          return one(path, mixed, `blocks ${from} to ${to} of state ${age}`);
        },
      };
    })
  );
  return joined("stale", spaces);
}

/** Every run of so many blocks, and where it ends, in which one at least was another before. */
function staleRuns(bytes: Uint8Array, before: Uint8Array, count: number): (readonly [number, number])[] {
  const blockOf = (all: Uint8Array, at: number) => all.subarray(at * block, (at + 1) * block);
  const isOther = Array.from({ length: count }, (_, at) => !equals(blockOf(bytes, at), blockOf(before, at)));
  return Array.from({ length: count * count }, (_, number) => {
    const from = number % count;
    return [from, Math.max(from, Math.floor(number / count)) + 1] as const;
  }).filter(([from, to]) => isOther.slice(from, to).includes(true));
}

/** Files that stand in each other's place, that are another's, or that have another name. */
export function exchanged({ disk }: Whole, other: Whole): DamageSpace {
  const paths = disk.paths(), { length } = paths;
  const pairs = {
    size: placements(length),
    at: (number: number) => {
      const { from, to, isSwap } = placementAt(number, length), a = paths[from], b = paths[to];
      const files = new Map([[b, disk.contents(a)], ...isSwap ? [[a, disk.contents(b)] as const] : []]);
      return { words: `${a} ${isSwap ? "and" : "over"} ${b}`, files };
    },
  };
  const strangers = other.disk.paths();
  const strange = {
    size: length * strangers.length,
    at: (number: number) => {
      const path = paths[number % length], from = strangers[Math.floor(number / length)];
      return one(path, other.disk.contents(from), `another store's ${from} in place`);
    },
  };
  const names = paths.flatMap((path) => newNames(path).map((name) => [path, name] as const));
  const renamed = {
    size: names.length * 2,
    at: (number: number) => {
      const [from, to] = names[number >> 1], isCopy = number % 2 === 1;
      const files = new Map([[to, disk.contents(from)], ...isCopy ? [] : [[from, undefined] as const]]);
      return { words: `${from} ${isCopy ? "also" : "renamed"} ${to}`, files };
    },
  };
  return joined("exchanged", [pairs, strange, renamed]);
}

/** Names that a file may come to have: with one digit that is another, and with none of ours. */
function newNames(path: string): string[] {
  const name = path.slice(path.lastIndexOf("/") + 1), directory = path.slice(0, -name.length);
  const digits = [...name.matchAll(/[0-9]/g)].map(({ index }) => index);
  const others = digits.map((at) =>
    `${name.slice(0, at)}${(Number(name[at]) + 1) % 10}${name.slice(at + 1)}`
  );
  return [...others, `${name}.old`, name.replace(".seg", ".image"), "pending", "lost"]
    .filter((other) => other !== name).map((other) => `${directory}${other}`);
}
