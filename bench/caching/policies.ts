/**
 * Policies of replacement, as plain as their papers have them, to be compared by their hits. Each holds entries of any
 * size under a bound of bytes.
 */

/** What decides which entries stay. */
export interface Policy {
  /** Asks for an entry, which is kept if it was not there; returns whether it was. */
  access(id: number, size: number): boolean;
}

/** The least recently used entry goes. */
export class Lru implements Policy {
  readonly #sizes = new Map<number, number>();
  readonly #most: number;
  bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  access(id: number, size: number): boolean {
    const isHit = this.remove(id);
    this.add(id, size);
    while (this.bytes > this.#most) this.evict();
    return isHit;
  }

  has(id: number): boolean {
    return this.#sizes.has(id);
  }

  add(id: number, size: number): void {
    this.#sizes.set(id, size);
    this.bytes += size;
  }

  remove(id: number): boolean {
    const size = this.#sizes.get(id);
    if (size === undefined) return false;
    this.#sizes.delete(id);
    this.bytes -= size;
    return true;
  }

  /** The entry that goes next, and its size. */
  victim(): [number, number] | undefined {
    return this.#sizes.entries().next().value;
  }

  /** Gives up the entry that goes next, and returns it. */
  evict(): [number, number] | undefined {
    const victim = this.victim();
    if (victim !== undefined) this.remove(victim[0]);
    return victim;
  }
}

/** An entry of a queue. */
interface Node {
  readonly id: number;
  readonly size: number;
  uses: number;
  newer: Node | undefined;
  older: Node | undefined;
}

/** The clock algorithm: a queue in which what was used gets a second chance. */
export class Clock implements Policy {
  readonly #nodes = new Map<number, { size: number; isUsed: boolean }>();
  readonly #most: number;
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  access(id: number, size: number): boolean {
    const node = this.#nodes.get(id);
    if (node !== undefined) return node.isUsed = true;
    while (this.#bytes + size > this.#most && this.#nodes.size > 0) this.#evict();
    this.#nodes.set(id, { size, isUsed: false });
    this.#bytes += size;
    return false;
  }

  #evict(): void {
    const [id, node] = this.#nodes.entries().next().value!;
    this.#nodes.delete(id);
    if (node.isUsed) {
      node.isUsed = false;
      this.#nodes.set(id, node);
    } else this.#bytes -= node.size;
  }
}

/** SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, NSDI 2024): a queue in which nothing moves, and a hand that passes. */
export class Sieve implements Policy {
  readonly #nodes = new Map<number, Node>();
  readonly #most: number;
  #bytes = 0;
  #newest: Node | undefined;
  #oldest: Node | undefined;
  #hand: Node | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  access(id: number, size: number): boolean {
    const known = this.#nodes.get(id);
    if (known !== undefined) {
      known.uses = 1;
      return true;
    }
    while (this.#bytes + size > this.#most && this.#nodes.size > 0) this.#evict();
    const node: Node = { id, size, uses: 0, newer: undefined, older: this.#newest };
    if (this.#newest !== undefined) this.#newest.newer = node;
    this.#newest = node;
    this.#oldest ??= node;
    this.#nodes.set(id, node);
    this.#bytes += size;
    return false;
  }

  #evict(): void {
    let node = this.#hand ?? this.#oldest!;
    while (node.uses > 0) {
      node.uses = 0;
      node = node.newer ?? this.#oldest!;
    }
    this.#hand = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    this.#nodes.delete(node.id);
    this.#bytes -= node.size;
  }
}

/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, SOSP 2023): a small queue that what is used but once leaves soon, a main queue
 * with up to three more chances, and the ids of what left the small one.
 */
export class S3Fifo implements Policy {
  readonly #small = new Map<number, { size: number; uses: number }>();
  readonly #main = new Map<number, { size: number; uses: number }>();
  readonly #ghosts = new Lru(Infinity);
  readonly #most: number;
  readonly #smallBytes: number;
  #inSmall = 0;
  #inMain = 0;

  constructor(most: number, smallShare = 0.1) {
    this.#most = most;
    this.#smallBytes = most * smallShare;
  }

  access(id: number, size: number): boolean {
    const known = this.#small.get(id) ?? this.#main.get(id);
    if (known !== undefined) {
      known.uses = Math.min(3, known.uses + 1);
      return true;
    }
    while (this.#inSmall + this.#inMain + size > this.#most && this.#inSmall + this.#inMain > 0) {
      this.#evict();
    }
    if (this.#ghosts.remove(id)) {
      this.#main.set(id, { size, uses: 0 });
      this.#inMain += size;
    } else {
      this.#small.set(id, { size, uses: 0 });
      this.#inSmall += size;
    }
    return false;
  }

  #evict(): void {
    if (this.#inSmall >= this.#smallBytes || this.#inMain === 0) this.#evictSmall();
    else this.#evictMain();
  }

  #evictSmall(): void {
    const [id, entry] = this.#small.entries().next().value!;
    this.#small.delete(id);
    this.#inSmall -= entry.size;
    if (entry.uses > 0) {
      this.#main.set(id, { size: entry.size, uses: 0 });
      this.#inMain += entry.size;
    } else {
      this.#ghosts.add(id, entry.size);
      while (this.#ghosts.bytes > this.#most - this.#smallBytes) this.#ghosts.evict();
    }
  }

  #evictMain(): void {
    const [id, entry] = this.#main.entries().next().value!;
    this.#main.delete(id);
    if (entry.uses > 0) {
      entry.uses--;
      this.#main.set(id, entry);
    } else this.#inMain -= entry.size;
  }
}

/**
 * W-TinyLFU (Einziger, Friedman, Manes, ACM Transactions on Storage 2017): a small window, and behind it a segmented LRU
 * to which only that is admitted which a sketch has seen more often than what would go for it.
 */
export class TinyLfu implements Policy {
  readonly #window = new Lru(Infinity);
  readonly #probation = new Lru(Infinity);
  readonly #protected = new Lru(Infinity);
  readonly #sketch: Sketch;
  readonly #windowBytes: number;
  readonly #mainBytes: number;
  readonly #sizes = new Map<number, number>();

  constructor(most: number, entries: number) {
    this.#windowBytes = most / 100;
    this.#mainBytes = most - this.#windowBytes;
    this.#sketch = new Sketch(entries);
  }

  access(id: number, size: number): boolean {
    this.#sketch.add(id);
    this.#sizes.set(id, size);
    if (this.#window.remove(id)) this.#window.add(id, size);
    else if (this.#protected.remove(id)) this.#protected.add(id, size);
    else if (this.#probation.remove(id)) this.#protect(id, size);
    else {
      this.#window.add(id, size);
      // What is larger than the window passes through it at once.
      while (this.#window.bytes > this.#windowBytes) this.#admit(...this.#window.evict()!);
      return false;
    }
    return true;
  }

  #protect(id: number, size: number): void {
    this.#protected.add(id, size);
    while (this.#protected.bytes > this.#mainBytes * 0.8) this.#probation.add(...this.#protected.evict()!);
  }

  #admit(id: number, size: number): void {
    const count = this.#sketch.count(id);
    while (this.#probation.bytes + this.#protected.bytes + size > this.#mainBytes) {
      const victim = this.#probation.victim() ?? this.#protected.victim();
      if (victim === undefined || this.#sketch.count(victim[0]) >= count) return;
      if (!this.#probation.remove(victim[0])) this.#protected.remove(victim[0]);
    }
    this.#probation.add(id, size);
  }
}

/** A count-min sketch of small counters that are halved when enough was counted. */
class Sketch {
  readonly #counters: Uint8Array;
  readonly #mask: number;
  readonly #sample: number;
  #counted = 0;

  constructor(entries: number) {
    const width = 2 ** Math.ceil(Math.log2(entries));
    this.#mask = width - 1;
    this.#counters = new Uint8Array(width * 4);
    this.#sample = entries * 10;
  }

  #slot(id: number, row: number): number {
    let hash = Math.imul(id ^ row * 0x9e3779b1, 0x85ebca6b);
    hash = Math.imul(hash ^ hash >>> 15, 0xc2b2ae35);
    return row * (this.#mask + 1) + ((hash ^ hash >>> 13) & this.#mask);
  }

  add(id: number): void {
    for (let row = 0; row < 4; row++) {
      const slot = this.#slot(id, row);
      if (this.#counters[slot] < 15) this.#counters[slot]++;
    }
    if (++this.#counted < this.#sample) return;
    this.#counted >>= 1;
    for (let i = 0; i < this.#counters.length; i++) this.#counters[i] >>= 1;
  }

  count(id: number): number {
    let least = 15;
    for (let row = 0; row < 4; row++) least = Math.min(least, this.#counters[this.#slot(id, row)]);
    return least;
  }
}
