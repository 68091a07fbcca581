/**
 * The batches of layers that are sorted by key, in the order of their LSNs: the layers are read again and again, and each
 * time the batches of the next LSNs are gathered that memory has room for.
 *
 * ```
 *   layers    b@7 │ c@2 │ c@9 │ … │ x@1 │ y@2 │ z@4           first reading: LSNs 1 to 4, the higher ones are let go
 *                                                             second: from 5 on
 * ```
 *
 * @module
 */

import { blockBytes, IoError, type Lsn } from "../../base/mod.ts";
import {
  CompressedValue,
  findFileId,
  isCompressedAt,
  isPatchKind,
  lostRecords,
  type Pace,
  piecesOf,
  type RecordArea,
  type RecordHeader,
  recordHeaderBytes,
  RecordWalk,
  StoredLayer,
} from "../../layer/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import { Batch } from "../../segment/mod.ts";
import { addRecord } from "./add_record.ts";
import { knownIn, nameless, type ReadBatch, type SalvageWatch } from "./batch_reader.ts";
import type { SalvageSource } from "./sources.ts";
import type { TimelineTally } from "./tally.ts";

/** Bytes of batches that are gathered in one reading. */
const gatheredBytes = 128 * 1024 * 1024;

/**
 * Reads the batches of sorted layers.
 *
 * @param objects Where they lie.
 * @param sources The layers, and what may be in them.
 * @param tally Who is told what is lost.
 * @param watch Who is told of the bytes.
 * @param most Bytes of batches that are gathered at once.
 * @yields Batches at increasing LSNs.
 */
export async function* readSortedBatches(
  objects: Objects,
  sources: readonly SalvageSource[],
  tally: TimelineTally,
  watch: SalvageWatch,
  most: number = gatheredBytes,
): AsyncGenerator<ReadBatch, void> {
  const layers: SortedLayer[] = [];
  for (const source of sources) {
    const layer = await SortedLayer.open(objects, source, watch);
    if (layer === undefined) tally.lose(nameless(source));
    else layers.push(layer);
  }
  // Where an image and what it was made of are found both, its values take the places of patches. Its name says that it was
  // made later, also where its footer is lost.
  layers.sort((a, b) => a.sequence - b.sequence);
  const doubts = new Doubts();
  for (let from = 0, isFirst = true; from < Infinity; isFirst = false) {
    const gathered = new Gathered(from, most);
    for (const layer of layers) {
      await layer.read(gathered, isFirst);
      if (!isFirst) continue;
      await layer.tell(tally, doubts);
      watch.read(layer.byteLength);
    }
    for (const { lsn, changes } of gathered.inOrder()) {
      yield { lsn, changes, isIncomplete: doubts.has(lsn) };
    }
    from = gathered.end;
  }
}

/** Batches of the least LSNs from one on that there is room for. */
class Gathered {
  /** The first LSN of which nothing is kept. */
  end: Lsn = Infinity;
  readonly #from: Lsn;
  readonly #most: number;
  #batches = new Map<Lsn, Batch>();
  /** By LSN: keys of which there are patches. A version may be found twice, and its patches count once. */
  readonly #patched = new Map<Lsn, Set<string>>();
  #bytes = 0;

  constructor(from: Lsn, most: number) {
    this.#from = from;
    this.#most = most;
  }

  /** Whether a record of such an LSN is kept. */
  takes(lsn: Lsn): boolean {
    return lsn >= this.#from && lsn < this.end;
  }

  /** Adds a record that is kept, with what stands in the place of its value. */
  add(
    { lsn, kind, keyLength }: RecordHeader,
    bytes: Uint8Array,
    at: number,
    value: Uint8Array<ArrayBuffer>,
  ): void {
    let changes = this.#batches.get(lsn);
    if (changes === undefined) this.#batches.set(lsn, changes = new Batch());
    const before = changes.byteLength, keyAt = at + recordHeaderBytes;
    const key = bytes.subarray(keyAt, keyAt + keyLength);
    if (isPatchKind(kind) && this.#isKnown(lsn, key)) return;
    addRecord(changes, kind, key, value, 0, value.length);
    this.#bytes += changes.byteLength - before;
    if (this.#bytes > this.#most && this.#batches.size > 1) this.#letGo();
  }

  /** Whether patches of a key at an LSN were found before; from now on they were. */
  #isKnown(lsn: Lsn, key: Uint8Array): boolean {
    const keys = this.#patched.get(lsn) ?? new Set<string>(), name = key.toHex(), isKnown = keys.has(name);
    this.#patched.set(lsn, keys.add(name));
    return isKnown;
  }

  /** Lets the higher half go, so that it costs little for each record. */
  #letGo(): void {
    const lsns = Float64Array.from(this.#batches.keys()).sort();
    this.end = lsns[lsns.length + 1 >> 1];
    for (const [lsn, { byteLength }] of this.#batches) {
      if (lsn < this.end) continue;
      this.#batches.delete(lsn);
      this.#patched.delete(lsn);
      this.#bytes -= byteLength;
    }
  }

  *inOrder(): Generator<{ lsn: Lsn; changes: Batch }, void> {
    for (const lsn of Float64Array.from(this.#batches.keys()).sort()) {
      yield { lsn, changes: this.#batches.get(lsn) as Batch };
    }
  }
}

/** Which batches may lack records. */
class Doubts {
  readonly #lsns = new Set<Lsn>();
  readonly #ranges: LsnRange[] = [];

  add(lsns: Iterable<Lsn>): void {
    for (const lsn of lsns) this.#lsns.add(lsn);
  }

  addRange(range: LsnRange): void {
    this.#ranges.push(range);
  }

  has(lsn: Lsn): boolean {
    return this.#lsns.has(lsn) || this.#ranges.some(({ first, last }) => lsn >= first && lsn <= last);
  }
}

interface LsnRange {
  readonly first: Lsn;
  readonly last: Lsn;
}

interface Gap {
  readonly from: number;
  readonly to: number;
  readonly error: IoError | undefined;
}

/** A record with a compressed value, and where it stands. */
interface Unopened {
  readonly header: RecordHeader;
  readonly record: Uint8Array<ArrayBuffer>;
  readonly offset: number;
}

/** A layer that is read. */
class SortedLayer {
  readonly #objects: Objects;
  readonly #source: SalvageSource;
  readonly #fileId: number;
  readonly #known: RecordArea["known"];
  readonly #pace: Pace;
  #gaps: Gap[] = [];

  private constructor(
    objects: Objects,
    source: SalvageSource,
    fileId: number,
    known: RecordArea["known"],
    pace: Pace,
  ) {
    this.#objects = objects;
    this.#source = source;
    this.#fileId = fileId;
    this.#known = known;
    this.#pace = pace;
  }

  /** Opens it; `undefined` if nothing tells what its records are bound to. */
  static async open(
    objects: Objects,
    source: SalvageSource,
    watch: SalvageWatch,
  ): Promise<SortedLayer | undefined> {
    const pace = { turns: objects.host.turns, check: () => watch.check() }, { end, file } = source;
    const fileId = source.fileId ?? await findFileId(objects, objects.object(file.id), end, pace);
    if (fileId === undefined) return undefined;
    return new SortedLayer(objects, source, fileId, await knownIn(objects, source, pace), pace);
  }

  /** When it was made, in the order of files. */
  get sequence(): number {
    return this.#source.file.name.sequence;
  }

  /** The bytes that are read. */
  get byteLength(): number {
    return this.#source.end;
  }

  /**
   * Reads all of it.
   *
   * @param gathered What takes records.
   * @param isFirst Whether it is read for the first time: then what does not decompress is found wherever it stands.
   */
  async read(gathered: Gathered, isFirst: boolean): Promise<void> {
    const { end, firstLsn, lastLsn, file, isSuperseded } = this.#source, objects = this.#objects;
    const unopened: Unopened[] = [];
    let error: IoError | undefined;
    const gaps: Gap[] = this.#gaps = [];
    const walk = new RecordWalk({
      start: blockBytes,
      end,
      fileId: this.#fileId,
      firstLsn,
      lastLsn,
      isOrdered: false,
      known: this.#known,
    }, {
      record: (header, bytes, at, offset) => {
        const { lsn, keyLength, valueLength } = header, keyAt = at + recordHeaderBytes;
        if (isSuperseded?.(bytes.subarray(keyAt, keyAt + keyLength), lsn)) return;
        const isTaken = gathered.takes(lsn);
        const start = keyAt + keyLength, end = start + valueLength;
        if (isCompressedAt(bytes, at)) {
          if (!isTaken && !isFirst) return;
          unopened.push({ header, record: bytes.slice(at, end), offset });
        } else if (isTaken) gathered.add(header, bytes, at, bytes.subarray(start, end));
      },
      gap: (from, to) => {
        gaps.push({ from, to, error });
        error = undefined;
      },
    });
    try {
      const pieces = piecesOf(objects, objects.object(file.id), { start: blockBytes, end }, this.#pace);
      for await (const piece of pieces) {
        if (piece.bytes !== undefined) walk.feed(piece.bytes);
        else {
          error = piece.error;
          walk.skip(piece.end);
        }
        await this.#open(unopened.splice(0), gathered);
      }
    } catch (failure) {
      if (!(failure instanceof IoError)) throw failure;
      error = failure;
      walk.skip(end);
    }
    walk.finish();
    await this.#open(unopened.splice(0), gathered);
    gaps.sort((a, b) => a.from - b.from);
  }

  /** Opens the values of records, one after the other, in slices; what does not decompress is a gap. */
  async #open(unopened: readonly Unopened[], gathered: Gathered): Promise<void> {
    const { turns, check } = this.#pace;
    for (const { header, record, offset } of unopened) {
      const value = new CompressedValue(record, recordHeaderBytes + header.keyLength, record.length);
      while (value.step()) {
        if (!turns.due()) continue;
        await turns.turn();
        check();
      }
      const opened = value.open();
      if (opened === undefined) {
        this.#gaps.push({ from: offset, to: offset + record.length, error: undefined });
      } else if (gathered.takes(header.lsn)) gathered.add(header, record, 0, opened);
    }
  }

  /** Tells what is lost, and of which batches. */
  async tell(tally: TimelineTally, doubts: Doubts): Promise<void> {
    if (this.#gaps.length === 0) return;
    const { firstLsn, lastLsn, end, isSettled, file: { path } } = this.#source, lost = await this.#lostLsns();
    this.#gaps.forEach(({ from, to, error }, i) => {
      const lsns = lost?.[i];
      // Where nothing tells the end of the values, the index is behind the last record.
      if (!isSettled && to === end && error === undefined) return;
      // A pad alone was hit.
      if (lsns?.size === 0 && error === undefined) return;
      const range = lsns === undefined ? { first: firstLsn, last: lastLsn } : rangeOf(lsns);
      if (lsns === undefined) doubts.addRange({ first: firstLsn, last: lastLsn });
      else doubts.add(lsns);
      tally.lose({ path, offset: from, length: to - from, lsns: range, error });
    });
  }

  /** By gap: the LSNs of the records that stood there; `undefined` where that cannot be told. */
  async #lostLsns(): Promise<(Set<Lsn> | undefined)[] | undefined> {
    const { file: { footer, name } } = this.#source, gaps = this.#gaps;
    if (footer === undefined) return undefined;
    const lost = gaps.map(() => new Set<Lsn>()), layer = StoredLayer.of(this.#objects, name.timeline, footer);
    const unknown = await lostRecords(this.#objects, layer, this.#pace, gaps, (gap, _key, lsn) => {
      lost[gap].add(lsn);
    });
    return unknown && lost.map((lsns, gap) => unknown.has(gap) ? undefined : lsns);
  }
}

function rangeOf(lsns: ReadonlySet<Lsn>): LsnRange | undefined {
  const sorted = Float64Array.from(lsns).sort();
  return sorted.length === 0 ? undefined : { first: sorted[0], last: sorted[sorted.length - 1] };
}
