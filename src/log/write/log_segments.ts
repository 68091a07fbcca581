/**
 * The segments of a log: those that ended, those that are being sealed, and the one that is appended to.
 *
 * ```
 *   ended │ ended │ ended │ frozen │ open ◄── append
 *     └ given up, the oldest first    └ sealed in the background, in order
 * ```
 *
 * G2  Segments follow each other without a gap: the first LSN of one is the last of the one before it, and one more.
 * G3  What is given up is durable, and named by a durable edit, before the first offset moves on.
 *
 * @module
 */

import {
  assert,
  blockBytes,
  CorruptionError,
  type Health,
  IoError,
  LimitError,
  type Lsn,
  maxSequence,
} from "../../base/mod.ts";
import type { FileHeader } from "../../layer/mod.ts";
import type { SegmentDescription } from "../../manifest/mod.ts";
import {
  CountedClock,
  type SegmentHolder,
  SegmentTimes,
  SegmentWriter,
  type UnsealedSegments,
  Upkeep,
} from "../../segment/mod.ts";
import { SparseIndex } from "../index/sparse_index.ts";
import { type LogContext, logState, segmentObject } from "../log_context.ts";
import { type LiveIndex, LogSegment } from "../log_segment.ts";
import type { RecoveredLog, RecoveredLogSegment } from "../recover_log.ts";
import { planRetention } from "./plan_retention.ts";
import { type FrozenSegment, leaveSegment, sealSegment } from "./seal_segment.ts";

/** Bytes that stay in memory while somebody follows: who is no further behind is told without a read. */
const followedBytes = 8 * 1024 * 1024;

/** The segment that is appended to. */
interface OpenSegment extends SegmentHolder {
  readonly seen: LogSegment;
  readonly live: LiveIndex;
}

/** Who is told what becomes of segments. */
export interface SegmentWatch {
  /** Says up to where everything is durable. */
  durableLsn(): Lsn;
  /** Learns that all up to an LSN is durable, and that a segment was sealed. */
  sealed(lastLsn: Lsn): void;
}

/** The segments of a log that is written to. */
export class LogSegments implements UnsealedSegments {
  /** All of them, oldest first. */
  readonly all: LogSegment[];
  /** How many follow. */
  followers = 0;
  readonly #context: LogContext;
  readonly #health: Health;
  readonly #watch: SegmentWatch;
  readonly #upkeep: Upkeep;
  readonly #clock: CountedClock;
  readonly #frozen: (SegmentHolder & FrozenSegment)[] = [];
  readonly #removals = new Set<Promise<void>>();
  #open: OpenSegment | undefined;
  #nextSequence: number;
  #lastSequence = 0;
  #horizon: Lsn;

  /** Takes what was recovered: goes on with a last segment that was closed cleanly, and seals the others. */
  constructor(context: LogContext, health: Health, recovered: RecoveredLog, watch: SegmentWatch) {
    this.#context = context;
    this.#health = health;
    this.#watch = watch;
    this.#upkeep = new Upkeep(health);
    this.#clock = new CountedClock(context.host.clock);
    const { nextSequence, horizon } = logState(context);
    this.#nextSequence = nextSequence;
    this.#horizon = horizon;
    this.all = [...recovered.ended];
    for (const segment of recovered.segments) this.#adopt(segment, segment === recovered.segments.at(-1));
  }

  #adopt(recovered: RecoveredLogSegment, isLast: boolean): void {
    const { object, header, index: places, times, end: valuesEnd, lastLsn, segment: description } = recovered;
    const { settings: { segmentBytes, tail }, objects } = this.#context;
    this.#clock.sawTimes(times.upTo(lastLsn));
    const goesOn = isLast && recovered.isClean && valuesEnd < segmentBytes;
    // Where it ends in the midst of a block, what is written next, its index, starts in the block behind.
    const position = Math.ceil(valuesEnd / blockBytes) * blockBytes;
    const reserveBytes = goesOn ? segmentBytes : 0;
    const kept = () => this.followers > 0 ? followedBytes : 0;
    const writer = objects.reopen(object.id, position, { health: this.#health, reserveBytes, kept });
    const segment = new SegmentWriter(writer, header, lastLsn, times, tail);
    const live = { places, times }, end = { valuesEnd, lastLsn };
    const seen = new LogSegment(description, object, end, live);
    this.all.push(seen);
    this.#lastSequence = description.sequence;
    if (goesOn) {
      seen.writer = segment;
      this.#open = { segment, seen, live };
    } else this.#seal({ segment, seen, live, end });
  }

  /** See {@linkcode UnsealedSegments.open}. */
  get open(): SegmentHolder | undefined {
    return this.#open;
  }

  /** See {@linkcode UnsealedSegments.unsealed}. */
  get unsealed(): readonly SegmentHolder[] {
    return this.#open === undefined ? this.#frozen.slice() : [...this.#frozen, this.#open];
  }

  /** How many wait to be sealed. */
  get frozenCount(): number {
    return this.#frozen.length;
  }

  /** The LSN up to which records were given up. */
  get horizon(): Lsn {
    return this.#horizon;
  }

  /** The bytes that wait in buffers. */
  get waitingBytes(): number {
    let bytes = this.#open?.segment.writer.bufferedBytes ?? 0;
    for (const { segment } of this.#frozen) bytes += segment.writer.bufferedBytes;
    return bytes;
  }

  /** Resolves when the buffers of the open segment have room; `undefined` if they have. */
  bufferRoom(): Promise<void> | undefined {
    return this.#open?.segment.writer.room();
  }

  /**
   * Appends payloads in one turn, each at an LSN of its own.
   *
   * @param payloads The payloads.
   * @param previousLsn The last LSN.
   * @throws {LimitError} If the log has had all the segments that can be told apart; nothing was appended.
   */
  append(payloads: readonly Uint8Array[], previousLsn: Lsn): Lsn {
    const { segmentBytes } = this.#context.settings, now = this.#clock.now();
    let lsn = previousLsn;
    for (const payload of payloads) {
      const end = this.#open?.segment.end ?? 0;
      if (this.#open !== undefined && end > blockBytes && end + payload.length > segmentBytes) this.freeze();
      const { segment, live } = this.#open ?? this.#openNext(lsn + 1);
      lsn++;
      segment.mark(lsn, now);
      live.places.add(lsn, segment.appendPayload(payload, lsn));
    }
    return lsn;
  }

  /** Checks that there is a number for another segment. */
  checkNext(): void {
    const found = this.#nextSequence;
    if (found <= maxSequence) return;
    throw new LimitError(`Cannot append: the log has had ${found - 1} segments`, {
      limit: maxSequence,
      found,
    });
  }

  #openNext(firstLsn: Lsn): OpenSegment {
    this.checkNext();
    const { objects, manifest, host, id, settings: { segmentBytes, tail } } = this.#context;
    const { generation, storeId } = manifest.state,
      fileId = host.random.id(),
      sequence = this.#nextSequence++;
    const description: SegmentDescription = { sequence, generation, fileId, firstLsn };
    const place = { previousSequence: this.#lastSequence, previousLsn: firstLsn - 1 };
    const header: FileHeader = { kind: "log", storeId, timelineId: id, ...description, ...place };
    const previous = this.#frozen.at(-1)?.segment.writer.made;
    const writer = objects.create(segmentObject(id, description), {
      health: this.#health,
      reserveBytes: segmentBytes,
      kept: () => this.followers > 0 ? followedBytes : 0,
      ready: async () => {
        await previous;
        await manifest.commit({ type: "addSegment", id, segment: description });
      },
    });
    const times = new SegmentTimes(), live = { places: new SparseIndex(), times };
    const segment = new SegmentWriter(writer, header, undefined, times, tail);
    const seen = new LogSegment(description, writer.object, { valuesEnd: 0, lastLsn: firstLsn - 1 }, live);
    seen.writer = segment;
    this.#lastSequence = sequence;
    this.all.push(seen);
    return this.#open = { segment, seen, live };
  }

  /** Ends the open segment, if there is one, and has it sealed. */
  freeze(): void {
    const open = this.#open;
    if (open === undefined) return;
    const { segment, seen, live } = open, { lastLsn } = segment;
    assert(lastLsn !== undefined, "a segment is opened for a record");
    try {
      segment.pad(this.#watch.durableLsn());
    } catch (error) {
      // It stays the open one, so that its file is closed with the others.
      throw this.#health.fail(error as Error);
    }
    this.#open = undefined;
    const end = { valuesEnd: segment.end, lastLsn };
    seen.endAt(end);
    this.#seal({ segment, seen, live, end });
  }

  #seal(frozen: FrozenSegment): void {
    this.#frozen.push(frozen);
    this.#upkeep.add(async () => {
      await sealSegment(this.#context, this.#health, frozen);
      frozen.seen.live = undefined;
      this.#frozen.shift();
      this.#watch.sealed(frozen.end.lastLsn);
    });
    this.#upkeep.add(() => this.#retain());
  }

  /** Gives up what is over its bounds, behind the seals that are under way. */
  retain(): void {
    const { keptMilliseconds } = this.#context.settings, open = this.#open;
    const last = open === undefined ? undefined : endOf(open.segment.times, open.segment.lastLsn ?? 0);
    // Also the open segment may be wholly too old, or below what was truncated.
    const isOver = open !== undefined && (last !== undefined && last < this.#clock.now() - keptMilliseconds ||
      (open.segment.lastLsn ?? 0) <= this.#horizon);
    // Where nothing can be written now, it is looked again later.
    if (isOver && this.#health.state === "open") this.freeze();
    this.#upkeep.add(() => this.#retain());
  }

  async #retain(): Promise<void> {
    const { settings: { keptBytes, keptMilliseconds } } = this.#context;
    const ended = this.all.filter((segment) => segment.live === undefined && segment.writer === undefined);
    const segments = [], since = this.#clock.now() - keptMilliseconds;
    let isYoung = keptMilliseconds === Infinity;
    for (const segment of ended) {
      // Those behind one that is young are younger.
      const endedBy = isYoung ? undefined : await endOfSegment(this.#context, segment);
      isYoung ||= endedBy !== undefined && endedBy >= since;
      segments.push({ lastLsn: segment.lastLsn, byteLength: segment.valuesEnd, endedBy });
    }
    const count = planRetention(segments, { bytes: keptBytes, since, horizon: this.#horizon });
    if (count > 0) await this.#giveUp(ended.slice(0, count));
  }

  /** Has the manifest say what is given up, and removes it once nobody reads it (G1, G3). */
  async #giveUp(segments: readonly LogSegment[]): Promise<void> {
    const { manifest, id } = this.#context,
      lsn = Math.max(this.#horizon, segments[segments.length - 1].lastLsn);
    const sequences = segments.map(({ description: { sequence } }) => sequence);
    await this.#health.patiently(() =>
      manifest.commit([{ type: "horizon", id, lsn }, { type: "dropSegments", id, sequences }])
    );
    // Whoever truncated meanwhile may have raised it further.
    if (lsn > this.#horizon) this.#horizon = lsn;
    this.all.splice(0, segments.length);
    for (const segment of segments) this.#remove(segment);
  }

  #remove(segment: LogSegment): void {
    const { objects } = this.#context;
    // What cannot be removed now is removed by the next opening: nothing names it.
    const removal = segment.left().then(() => objects.remove(segment.object.id)).catch(() => {})
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Gives up all up to an LSN, which is durable, once a durable edit says so. */
  async giveUpTo(lsn: Lsn): Promise<void> {
    if (lsn <= this.#horizon) return;
    const { manifest, id } = this.#context;
    await manifest.commit({ type: "horizon", id, lsn });
    if (lsn > this.#horizon) this.#horizon = lsn;
    this.retain();
  }

  /** Waits until nothing is being sealed, given up or removed. */
  async idle(): Promise<void> {
    await this.#upkeep.idle();
    await Promise.all(this.#removals);
  }

  /** Has the open segment go on with the next opening; all of it is durable. */
  async leave(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    const { segment, seen: { description: { sequence } } } = open;
    const named = logState(this.#context).segments.find((known) => known.sequence === sequence);
    // One that nothing was appended to stays as it is.
    if (named?.witness?.offset !== segment.end) await leaveSegment(this.#context, segment);
  }

  /** Waits for what is in flight, also for files that go, and closes the others. */
  async release(): Promise<void> {
    await this.idle();
    await Promise.all(this.unsealed.map(({ segment }) => segment.writer.abort()));
  }
}

/** By when all up to an LSN were appended, in milliseconds since the epoch. */
function endOf(times: SegmentTimes, lastLsn: Lsn): number | undefined {
  const { seconds } = times.upTo(lastLsn);
  return seconds.length === 0 ? undefined : seconds[seconds.length - 1] * 1000;
}

/** By when the last record of a segment that ended was appended; `undefined` if nobody can tell. */
async function endOfSegment(context: LogContext, segment: LogSegment): Promise<number | undefined> {
  try {
    const { seconds } = await segment.times(context);
    return seconds.length === 0 ? undefined : seconds[seconds.length - 1] * 1000;
  } catch (error) {
    // What nobody can tell the age of stays; whoever reads it is told why.
    if (error instanceof CorruptionError || error instanceof IoError) return undefined;
    throw error;
  }
}
