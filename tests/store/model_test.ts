/**
 * Random work on a store, and random questions about it, answered by a model too. Questions are asked while appends,
 * sealing and merging go on, and are judged as of the LSN at which they were asked.
 */

import { assert, assertEquals } from "@std/assert";
import {
  Batch,
  type Change,
  ConflictError,
  decodeKey,
  encodeKey,
  type Expectation,
  type Key,
  type KeyVec,
  type Store,
  type Timeline,
} from "../../mod.ts";
import { Random, seeds } from "../random.ts";
import { collect, patterned, sameBytes } from "./bytes.ts";
import { type Place, testEach } from "./matrix.ts";
import { Model, type ModelChange, modelRedo, type ModelVersion, toChange } from "./model.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const commonLengths = [0, 1, 20, 100, 511, 512, 4095, 4096, 4097, 9000];
const rareLengths = [64 * KiB, 256 * KiB - 1, 300_000, MiB - 1, MiB, MiB + 1, 3 * MiB + 5];
const steps = 700;

/** Keys of every length and of every byte, some of them neighbours. */
function makeKeys(random: Random): Uint8Array[] {
  const keys = [0x00, 0x61, 0xff].map((byte) => new Uint8Array([byte]));
  for (let i = 0; i < 4; i++) keys.push(random.bytes(512));
  for (let i = 0; i < 4; i++) keys.push(new Uint8Array(512).fill(0x62).with(511, i));
  for (let i = 0; i < 20; i++) keys.push(random.bytes(random.from(1, 40)));
  for (let i = 0; i < 6; i++) keys.push(new Uint8Array(i + 1).fill(0xff));
  return keys;
}

/** Keys of parts; those of the first are a prefix of some, and of one only bytewise. */
const keysOfParts: readonly Uint8Array[] = [
  ["user"],
  ["user", 1],
  ["user", "a"],
  ["user\0"],
  ["user\0", 7n],
  [true],
]
  .map((parts) => encodeKey(parts));

/** The base of a run of keys that counts over the end of a byte. */
const runBase = new Uint8Array([0x76, 0x00, 0xf8]);
const runLength = 24;

function runKey(i: number): Uint8Array {
  const number = 0xf8 + i;
  return new Uint8Array([0x76, number >>> 8, number & 0xff]);
}

class Trial {
  readonly #place: Place;
  readonly #random: Random;
  readonly #model = new Model();
  readonly #keys: Uint8Array[];
  #store!: Store;
  #timeline!: Timeline;
  #pending: Promise<void>[] = [];
  #seed = 0;

  constructor(place: Place, random: Random) {
    this.#place = place;
    this.#random = random;
    this.#keys = makeKeys(random);
    for (let i = 0; i < runLength; i++) this.#keys.push(runKey(i));
    this.#keys.push(...keysOfParts);
  }

  /** A key as it may be given: a structured one also as its parts. */
  #given(key: Uint8Array): Key {
    return keysOfParts.includes(key) && this.#random.once(2) ? decodeKey(key) : key;
  }

  async run(): Promise<void> {
    await this.#reopen();
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#settle();
    await this.#reopen();
    await this.#askEverything();
    await this.#timeline.compact();
    await this.#askEverything();
    await this.#checkFiles();
    await this.#reopen();
    await this.#askEverything();
  }

  /** What compaction leaves is sound, and nothing else is there. */
  async #checkFiles(): Promise<void> {
    const layers = this.#timeline.layers();
    // The last LSN may be that of a batch without changes, which its segment alone tells.
    assert(layers.every(({ kind, versions }) => kind === "delta" || versions === 0));
    assertEquals(layers.map(({ path }) => path).sort(), this.#place.files(/\.(seg|delta)$/));
    assertEquals(await Array.fromAsync(this.#store.verify()), []);
  }

  async #reopen(): Promise<void> {
    await this.#settle();
    if (this.#store !== undefined) await this.#place.close(this.#store);
    this.#store = await this.#place.open({
      upkeep: this.#random.pick(["slices", "slices", "manual"] as const),
    });
    this.#timeline = this.#store.timeline();
    assertEquals(this.#timeline.lastLsn, this.#model.lastLsn);
    assertEquals(this.#timeline.durableLsn, this.#model.lastLsn);
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  async #step(): Promise<void> {
    const die = this.#random.below(100);
    if (die < 40) await this.#append();
    else if (die < 45) await this.#agree();
    else if (die < 52) await this.#sync();
    else if (die < 55) this.#pending.push(this.#timeline.freeze());
    else if (die < 57) await this.#reopen();
    else if (die < 59) this.#pending.push(this.#timeline.compact().then(() => {}));
    else if (die < 60) await this.#stopCompaction();
    else if (die < 62) this.#pending.push(this.#look());
    else this.#pending.push(this.#ask());
    if (this.#pending.length > 12) await this.#settle();
  }

  /** Closes the store in the midst of a compaction, or has a signal end it. */
  async #stopCompaction(): Promise<void> {
    await this.#settle();
    const controller = new AbortController();
    const isClosed = this.#random.once(2);
    const compacted = this.#timeline.compact({ signal: controller.signal }).catch((error: unknown) => error);
    for (let i = this.#random.below(30); i > 0; i--) await new Promise((resolve) => setTimeout(resolve));
    if (isClosed) await this.#reopen();
    else controller.abort("enough");
    const ended = await compacted;
    assert(!(ended instanceof Error) || isClosed && ended instanceof Deno.errors.BadResource, `${ended}`);
  }

  /** Reads through a snapshot for as long as many other things happen. */
  async #look(): Promise<void> {
    const random = this.#random;
    using snapshot = this.#timeline.snapshot(this.#lsn());
    for (let i = random.below(20); i > 0; i--) {
      const key = this.#anyKey();
      this.#check("snapshot", key, await snapshot.get(key), this.#model.at(key, snapshot.lsn));
      const range = { reverse: random.once(2), limit: 10 };
      const entries = await collect(snapshot.scan(range));
      const expected = this.#model.scan(range, snapshot.lsn);
      assertEquals(entries.map(({ key }) => key.toHex()), expected.map(({ key }) => key.toHex()));
    }
  }

  #value(): Uint8Array {
    const random = this.#random;
    const length = random.once(60) ? random.pick(rareLengths) : random.pick(commonLengths);
    return patterned(length, ++this.#seed);
  }

  async #append(): Promise<void> {
    const random = this.#random;
    const changes: ModelChange[] = Array.from({ length: random.pick([0, 1, 1, 1, 2, 5, 40]) }, () => {
      const key = random.pick(this.#keys);
      if (random.once(4)) return { key, value: undefined, patch: patterned(random.below(100), ++this.#seed) };
      return { key, value: random.once(5) ? undefined : this.#value() };
    });
    const given = random.once(4) ? this.#timeline.lastLsn + random.pick([1, 2, 1000, 2 ** 33]) : undefined;
    const options = { ...(given === undefined ? {} : { lsn: given }), sync: random.once(10) };
    const appended = this.#timeline.append(
      random.once(2) ? this.#batchOf(changes) : changes.map((change) => this.#changeOf(change)),
      options,
    );
    // The batch is there as soon as the call returns.
    const lsn = given ?? this.#model.lastLsn + 1;
    assertEquals(this.#timeline.lastLsn, lsn);
    this.#model.append(lsn, changes);
    assertEquals(await appended, lsn);
    if (options.sync) assert(this.#timeline.durableLsn >= lsn);
  }

  /** Appends what the model says stands, or what does not, and is applied or refused accordingly. */
  async #agree(): Promise<void> {
    const random = this.#random, { lastLsn } = this.#model;
    const expect: Expectation[] = Array.from({ length: random.pick([1, 2, 30]) }, () => {
      const key = this.#anyKey(), version = this.#model.at(key, lastLsn);
      const hasNone = version?.value === undefined && random.once(2);
      return { key, lsn: hasNone ? undefined : version?.lsn };
    });
    const wrong = random.once(3) ? random.below(expect.length) : -1;
    if (wrong >= 0) expect[wrong] = this.#notStanding(expect[wrong].key as Uint8Array);
    const changes: ModelChange[] = [{ key: random.pick(this.#keys), value: this.#value() }];
    const appended = this.#timeline.append(changes.map((change) => this.#changeOf(change)), {
      expect: expect.map(({ key, lsn }) => ({ key: this.#given(key as Uint8Array), lsn })),
      sync: random.once(10),
    });
    const ended = await appended.catch((error) => error);
    if (wrong < 0) {
      assertEquals(ended, lastLsn + 1);
      this.#model.append(lastLsn + 1, changes);
      return;
    }
    assert(ended instanceof ConflictError, `${ended}`);
    const version = this.#model.at(ended.key, lastLsn);
    assertEquals([ended.key, ended.expected], [expect[wrong].key, expect[wrong].lsn]);
    assertEquals([ended.found, this.#timeline.lastLsn], [version?.value && version.lsn, lastLsn]);
  }

  /** What may be expected of a key and does not stand: another LSN, or no value where there is one. */
  #notStanding(key: Uint8Array): Expectation {
    const version = this.#model.at(key, this.#model.lastLsn);
    const older = this.#random.from(1, version?.lsn ?? 9), other = older === version?.lsn ? older + 1 : older;
    return { key, lsn: version?.value !== undefined && this.#random.once(2) ? undefined : other };
  }

  #changeOf(change: ModelChange): Change {
    return { ...toChange(change), key: this.#given(change.key) };
  }

  #batchOf(changes: readonly ModelChange[]): Batch {
    const batch = new Batch();
    for (const { key, value, patch } of changes) {
      const given = this.#given(key);
      if (patch !== undefined) batch.patch(given, patch);
      else value === undefined ? batch.delete(given) : batch.put(given, value);
    }
    return batch;
  }

  async #sync(): Promise<void> {
    const last = this.#timeline.lastLsn;
    if (this.#random.once(2)) assert(await this.#timeline.sync() >= last);
    else this.#pending.push(this.#timeline.sync().then((durable) => assert(durable >= last)));
  }

  #lsn(): number {
    const last = this.#timeline.lastLsn;
    return this.#random.pick([0, last, last, last, Math.floor(last / 2), this.#random.from(0, last)]);
  }

  #anyKey(): Uint8Array {
    return this.#random.once(5)
      ? this.#random.bytes(this.#random.from(1, 30))
      : this.#random.pick(this.#keys);
  }

  #ask(): Promise<void> {
    const questions = [
      this.#get,
      this.#getMany,
      this.#getVectored,
      this.#scan,
      this.#history,
      this.#snapshot,
      this.#keyspace,
    ];
    return this.#random.pick(questions).call(this);
  }

  async #get(): Promise<void> {
    const key = this.#anyKey(), lsn = this.#lsn();
    const isLast = lsn === this.#timeline.lastLsn && this.#random.once(2);
    const found = await this.#timeline.get(this.#given(key), isLast ? {} : { lsn });
    this.#check("get", key, found, this.#model.at(key, lsn));
  }

  async #getMany(): Promise<void> {
    const keys = Array.from({ length: this.#random.from(0, 30) }, () => this.#anyKey()), lsn = this.#lsn();
    const found = await this.#timeline.getMany(keys.map((key) => this.#given(key)), { lsn });
    assertEquals(found.length, keys.length);
    keys.forEach((key, i) => this.#check("getMany", key, found[i], this.#model.at(key, lsn)));
  }

  async #getVectored(): Promise<void> {
    const lsn = this.#lsn();
    const asked: (Key | KeyVec)[] = [], keys: Uint8Array[] = [];
    for (let i = this.#random.from(0, 12); i > 0; i--) {
      if (this.#random.once(4)) {
        asked.push({ base: runBase, count: runLength });
        for (let j = 0; j < runLength; j++) keys.push(runKey(j));
      } else {
        keys.push(this.#anyKey());
        asked.push(this.#given(keys[keys.length - 1]));
      }
    }
    const entries = await collect(this.#timeline.getVectored(asked, { lsn }));
    assertEquals(entries.map(({ key }) => key.toHex()), keys.map((key) => key.toHex()));
    entries.forEach((entry, i) => {
      const version = this.#model.at(keys[i], lsn);
      this.#check("getVectored", keys[i], entry.value, version);
      assertEquals(entry.lsn, version?.lsn);
    });
  }

  async #scan(): Promise<void> {
    const lsn = this.#lsn(), random = this.#random;
    const range = {
      ...(random.once(2) ? { start: this.#anyKey() } : {}),
      ...(random.once(2) ? { end: this.#anyKey() } : {}),
      ...(random.once(3) ? { prefix: random.pick([runBase.subarray(0, 1), new Uint8Array([0xff])]) } : {}),
      ...(random.once(2) ? { limit: random.from(0, 10) } : {}),
      reverse: random.once(2),
    };
    const entries = await collect(this.#timeline.scan(range, { lsn }));
    const expected = this.#model.scan(range, lsn);
    assertEquals(entries.map(({ key }) => key.toHex()), expected.map(({ key }) => key.toHex()));
    entries.forEach((entry, i) => {
      this.#check("scan", entry.key, entry.value, expected[i].version);
      assertEquals(entry.lsn, expected[i].version.lsn);
    });
  }

  async #history(): Promise<void> {
    const key = this.#anyKey(),
      to = this.#lsn(),
      from = this.#random.once(2) ? 1 : this.#random.from(0, to + 1);
    const found = await collect(this.#timeline.history(this.#given(key), { from, to }));
    const expected = this.#model.history(key, from, to);
    assertEquals(found.map(({ lsn }) => lsn), expected.map(({ lsn }) => lsn));
    found.forEach((version, i) => {
      this.#check("history", key, version.value, expected[i]);
      assertEquals(version.deleted, expected[i].value === undefined);
    });
  }

  async #snapshot(): Promise<void> {
    using snapshot = this.#timeline.snapshot(this.#lsn());
    const key = this.#anyKey();
    this.#check("snapshot", key, await snapshot.get(key), this.#model.at(key, snapshot.lsn));
    const [many] = await snapshot.getMany([key]);
    this.#check("snapshot", key, many, this.#model.at(key, snapshot.lsn));
  }

  /** What is under a prefix is what a range of it has. */
  async #keyspace(): Promise<void> {
    const lsn = this.#lsn(), user = this.#timeline.under(["user"]), reverse = this.#random.once(2);
    const [first, behind] = [["user"], ["user\0"]].map((parts) => encodeKey(parts));
    const expected = this.#model.scan({ start: first, end: behind, reverse }, lsn);
    const entries = await collect(user.scan({ reverse }, { lsn }));
    assertEquals(entries.map(({ key }) => user.keyOf(key).toHex()), expected.map(({ key }) => key.toHex()));
    entries.forEach(({ key, value }, i) => this.#check("keyspace", key, value, expected[i].version));
    assertEquals(await this.#timeline.count({ prefix: ["user"] }, { lsn }), expected.length);
    const [one] = await user.getMany([["a"]], { lsn });
    this.#check("keyspace", first, one, this.#model.at(encodeKey(["user", "a"]), lsn));
  }

  async #askEverything(): Promise<void> {
    const last = this.#model.lastLsn;
    const found = await this.#timeline.getMany(this.#keys);
    this.#keys.forEach((key, i) => this.#check("getMany", key, found[i], this.#model.at(key, last)));
    for (const lsn of [last, Math.floor(last / 2), Math.floor(last / 9)]) {
      for (const reverse of [false, true]) {
        const entries = await collect(this.#timeline.scan({ reverse }, { lsn }));
        const expected = this.#model.scan({ reverse }, lsn);
        assertEquals(entries.map(({ key }) => key.toHex()), expected.map(({ key }) => key.toHex()));
        entries.forEach(({ key, value }, i) => this.#check("scan", key, value, expected[i].version));
      }
    }
    for (const key of this.#keys) {
      const versions = await collect(this.#timeline.history(key));
      assertEquals(versions.map(({ lsn }) => lsn), this.#model.history(key, 1, last).map(({ lsn }) => lsn));
    }
  }

  #check(question: string, key: Uint8Array, found: Uint8Array | undefined, version?: ModelVersion): void {
    if (sameBytes(found, version?.value)) return;
    const words = (value: Uint8Array | undefined) =>
      value === undefined ? "nothing" : `${value.length} bytes`;
    throw new Error(
      `${question} of ${key.toHex()}: found ${words(found)}, expected ${
        words(version?.value)
      } of LSN ${version?.lsn}`,
    );
  }
}

testEach(
  "Timeline answers as the model does while it is written, sealed, merged and reopened",
  async (place) => {
    for (const seed of seeds("store model", 1)) {
      await using own = place.within(`${seed}`);
      await new Trial(own, new Random(seed)).run();
    }
  },
  { segmentBytes: 64 * KiB, cacheBytes: 64 * KiB, redo: modelRedo },
);
