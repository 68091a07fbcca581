/**
 * The layers of a timeline as its writer knows them: the open one, those that were frozen and wait their turn, and the
 * map of all of them that readers take.
 *
 * ```
 *   append ─► open ──freeze──► frozen │ frozen │ frozen ──seal──► L0
 *               └ the index changes hands, nothing is copied         └ durable first, then in the map in one turn
 * ```
 *
 * T5  Segments are named in the manifest, synced and sealed in the order of history.
 *
 * @module
 */

import {
  assert,
  type Health,
  LimitError,
  type Lsn,
  maxLayerEntries,
  maxSequence,
  type Times,
} from "../../base/mod.ts";
import { type LayerEdit, LayerMap, type MemoryIndexHint, MemoryLayer, StoredLayer } from "../../layer/mod.ts";
import type { TimelineEdit } from "../../manifest/mod.ts";
import { CountedClock, type Upkeep } from "../../segment/mod.ts";
import { type TimelineContext, timelineState } from "../timeline_context.ts";
import { LevelledLayers, type StoredAt } from "../upkeep/levelled_layers.ts";
import { sealLayer } from "../upkeep/seal.ts";
import { type OpenLayer, openLayer, resumeLayer } from "./open_layer.ts";
import type { RecoveredSegment } from "./recover.ts";

/** Keys for which a first index reserves room, whose slots take 8 MiB: more would spread them too thin for the caches. */
const mostReservedKeys = 480_000;

/** Who is told of seals. */
export interface SealWatch {
  /** Says what else is to be edited when a layer is sealed that ends with an LSN. */
  alongside(lastLsn: Lsn): readonly TimelineEdit[];
  /** Learns of a layer that was sealed, in the turn in which the map has it. */
  sealed(layer: StoredLayer): void;
}

/** The layers of a timeline. */
export class TimelineLayers {
  readonly #context: TimelineContext;
  readonly #health: Health;
  readonly #upkeep: Upkeep;
  readonly #watch: SealWatch;
  readonly #frozen: OpenLayer[] = [];
  /** Layers that were sealed, and whose indexes views from before still read. */
  readonly #lingering = new Set<MemoryLayer>();
  #open: OpenLayer | undefined;
  #map: LayerMap;
  /** The stored layers of the map, as upkeep plans with them. */
  levelled: LevelledLayers;
  #hint: MemoryIndexHint;
  #nextSequence: number;
  /** The sequence of the segment that was opened last; 0 if none was since everything before is sealed. */
  #lastSequence = 0;
  /** When batches were appended that are only read. */
  #timesToRead: readonly Times[] = [];
  readonly #clock: CountedClock;

  /**
   * Starts with the layers that are stored.
   *
   * @param context The timeline.
   * @param health What writers of segments tell what fails.
   * @param upkeep What seals.
   * @param watch Who is told of seals.
   */
  constructor(
    context: TimelineContext,
    health: Health,
    upkeep: Upkeep,
    watch: SealWatch,
  ) {
    this.#context = context;
    this.#health = health;
    this.#upkeep = upkeep;
    this.#watch = watch;
    const { layers, nextSequence, times } = timelineState(context);
    const { objects, id } = context;
    const stored = layers.map((layer) => ({ stored: StoredLayer.of(objects, id, layer), layer }));
    this.#map = LayerMap.empty.edit({ add: stored.map(({ stored }) => stored) });
    this.levelled = new LevelledLayers(objects.directory, stored);
    this.#nextSequence = nextSequence;
    this.#clock = clockOf(context, times);
    this.#hint = firstHint(context);
  }

  /** Takes what the manifest says by now, and segments, to be read only; layers that were there before stay the same. */
  refresh(segments: readonly RecoveredSegment[]): void {
    const { stored, edit } = storedAnew(this.#context, this.#map);
    this.#map = this.#map.edit(edit);
    this.levelled = new LevelledLayers(this.#context.objects.directory, stored);
    this.adoptToRead(segments);
  }

  /** Takes recovered segments to be read only. */
  adoptToRead(segments: readonly RecoveredSegment[]): void {
    const memory = segments.map(({ index, object, header, lastLsn }) =>
      new MemoryLayer(index, object, header, lastLsn)
    );
    this.#map = this.#map.withMemory(memory.reverse());
    this.#timesToRead = segments.map(({ times, lastLsn }) => times.upTo(lastLsn));
  }

  /** Takes recovered segments: goes on with a last one that was closed cleanly, and seals the others. */
  adopt(segments: readonly RecoveredSegment[]): void {
    const { segmentBytes } = this.#context.settings;
    for (const recovered of segments) {
      this.#clock.sawTimes(recovered.times.upTo(recovered.lastLsn));
      const goesOn = recovered === segments.at(-1) && recovered.isClean;
      this.#open = resumeLayer(this.#context, this.#health, recovered, goesOn ? segmentBytes : 0);
      this.#lastSequence = recovered.segment.sequence;
      if (!goesOn || this.isFull(0, 0)) this.freeze(recovered.lastLsn);
    }
    this.#publish();
  }

  /** The layers there are now. */
  get map(): LayerMap {
    return this.#map;
  }

  /** The open layer, if anything was appended since the last freeze. */
  get open(): OpenLayer | undefined {
    return this.#open;
  }

  /** Whether a layer in memory is neither frozen nor sealed by now; nothing is frozen of what is only read. */
  isOpen(layer: MemoryLayer): boolean {
    return this.#context.readOnly || this.#open?.layer === layer;
  }

  /** Every layer whose index is in memory: at least all that were not sealed when the oldest open view began (N2). */
  inMemory(): MemoryLayer[] {
    return [...this.#map.memory, ...this.#lingering];
  }

  /** The layers that wait to be sealed, oldest first. */
  get frozen(): readonly OpenLayer[] {
    return this.#frozen;
  }

  /** How many layers wait to be sealed. */
  get frozenCount(): number {
    return this.#frozen.length;
  }

  /** The time that counts for a batch that is appended now, in milliseconds since the epoch. */
  now(): number {
    return this.#clock.now();
  }

  /** When batches were appended, those of older ones first. */
  times(): Times[] {
    const unsealed = this.unsealed.map(({ segment, layer }) => segment.times.upTo(layer.lastLsn));
    return [timelineState(this.#context).times, ...this.#timesToRead, ...unsealed];
  }

  /** The layers that are not sealed, oldest first. */
  get unsealed(): OpenLayer[] {
    return this.#open === undefined ? [...this.#frozen] : [...this.#frozen, this.#open];
  }

  /** Whether the buffers of the open layer have no room. */
  get buffersAreFull(): boolean {
    return this.#open?.segment.writer.isFull ?? false;
  }

  /** Resolves when the buffers of the open layer have room; `undefined` if they have. */
  bufferRoom(): Promise<void> | undefined {
    return this.#open?.segment.writer.room();
  }

  /** The bytes that wait in buffers to be written. */
  get waitingBytes(): number {
    let bytes = this.#open?.segment.writer.bufferedBytes ?? 0;
    for (const { segment } of this.#frozen) bytes += segment.writer.bufferedBytes;
    return bytes;
  }

  /** The memory that the index of the open layer holds, in bytes. */
  get openIndexBytes(): number {
    return this.#open?.layer.index.byteLength ?? 0;
  }

  /** The memory that indexes of frozen layers hold, in bytes. */
  get frozenIndexBytes(): number {
    let bytes = 0;
    for (const { layer } of this.#frozen) bytes += layer.index.byteLength;
    return bytes;
  }

  /** Whether a batch of so many bytes and changes does not fit the open layer. */
  isFull(bytes: number, changes: number): boolean {
    if (this.#open === undefined) return false;
    const { segment, layer: { index } } = this.#open;
    const { segmentBytes, indexBytes } = this.#context.settings;
    return segment.end + bytes > segmentBytes || index.usedBytes > indexBytes ||
      index.versionCount + changes > maxLayerEntries;
  }

  /**
   * Sees to it that there may be so many more layers.
   *
   * @throws {LimitError} If the timeline has had as many files as can be told apart.
   */
  checkNext(count: number = 1): void {
    if (this.#nextSequence + count - 1 <= maxSequence) return;
    throw new LimitError(
      `Cannot write to timeline "${this.#context.name}": it has had ${maxSequence} files`,
      {
        limit: maxSequence,
        found: this.#nextSequence,
      },
    );
  }

  /** Takes numbers of files to be made, and returns the first; they count once {@linkcode named} has resolved. */
  takeSequences(count: number): number {
    this.checkNext(count);
    return (this.#nextSequence += count) - count;
  }

  /** Resolves when a durable manifest names every segment there is. */
  async named(): Promise<void> {
    await Promise.all(this.unsealed.map(({ named }) => named));
  }

  /** Puts stored layers in the place of others, for readers that come from now on. */
  replace(remove: readonly StoredAt[], add: readonly StoredAt[]): void {
    this.#map = this.#map.edit({
      remove: remove.map(({ stored }) => stored),
      add: add.map(({ stored }) => stored),
    });
    this.levelled.edit(remove, add);
  }

  /** Gives stored layers another level, which readers do not know of. */
  move(layers: readonly StoredAt[], level: number): void {
    this.levelled.edit(layers, layers.map(({ stored, layer }) => ({ stored, layer: { ...layer, level } })));
  }

  /**
   * Makes the open layer.
   *
   * @param firstLsn The LSN of its first batch, which is appended in the same turn.
   * @param previousLsn The last LSN before it.
   */
  openNext(firstLsn: Lsn, previousLsn: Lsn): OpenLayer {
    const open = openLayer(this.#context, this.#health, {
      sequence: this.takeSequences(1),
      firstLsn,
      previousSequence: this.#lastSequence,
      previousLsn,
      previousNamed: this.#frozen.at(-1)?.named,
    }, this.#hint);
    this.#lastSequence = open.segment.header.sequence;
    this.#open = open;
    this.#publish();
    return open;
  }

  /**
   * Freezes the open layer and has it sealed.
   *
   * @param durableLsn How far the timeline is known durable.
   */
  freeze(durableLsn: Lsn): void {
    const open = this.#open;
    assert(open !== undefined, "only an open layer is frozen");
    open.segment.pad(durableLsn);
    this.#hint = open.layer.index.hint();
    this.#frozen.push(open);
    this.#open = undefined;
    const alongside = () => this.#watch.alongside(open.layer.lastLsn);
    const { upkeep } = this.#context, seal = () => sealLayer(this.#context, this.#health, open, alongside);
    this.#upkeep.add(async () => this.#replace(open, await upkeep.seal(seal)));
  }

  /** Readers that come from now on find the stored layer where the frozen one was. */
  #replace(frozen: OpenLayer, stored: StoredLayer): void {
    assert(this.#frozen.shift() === frozen, "T5: layers are sealed in the order of history");
    this.#map = this.#map.edit({ add: [stored], memory: memoryOf(this.unsealed) });
    this.levelled.edit([], [{ stored, layer: { ...stored.description, level: 0 } }]);
    // Views from before go on reading the index.
    this.#lingering.add(frozen.layer);
    void this.#context.views.retire([frozen], ({ layer, memory }) => {
      this.#lingering.delete(layer);
      layer.index.giveUp();
      memory?.release();
    });
    this.#watch.sealed(stored);
  }

  #publish(): void {
    this.#map = this.#map.withMemory(memoryOf(this.unsealed));
  }
}

/** What readers see of the layers that are not sealed, newest first. */
function memoryOf(unsealed: readonly OpenLayer[]): MemoryLayer[] {
  return unsealed.map(({ layer }) => layer).reverse();
}

/** Goes on from the times that are known, and from that of the branch LSN. */
function clockOf({ host, ancestor }: TimelineContext, times: Times): CountedClock {
  const clock = new CountedClock(host.clock);
  clock.sawTimes(times);
  if (ancestor !== undefined && ancestor.lsn > 0) {
    // A date is the second after.
    clock.saw(new Date(ancestor.dates.dateOf(ancestor.lsn).getTime() - 1000));
  }
  return clock;
}

/** Memory is reserved and not touched until it is used, so that a generous guess costs nothing. */
function firstHint({ settings: { segmentBytes, indexBytes } }: TimelineContext): MemoryIndexHint {
  const keys = Math.ceil(Math.min(segmentBytes / 128, indexBytes / 84, mostReservedKeys));
  return { keys, versions: keys, keyBytes: keys * 16 };
}

/** The layers that the manifest names by now, those that a map has as they are, and what becomes of the map by them. */
function storedAnew(context: TimelineContext, map: LayerMap): { stored: StoredAt[]; edit: LayerEdit } {
  const { objects, id } = context, known = new Map<number, StoredLayer>();
  for (const layer of map.stored()) known.set(layer.description.sequence, layer);
  const stored = timelineState(context).layers.map((layer) => {
    return { stored: known.get(layer.sequence) ?? StoredLayer.of(objects, id, layer), layer };
  });
  const there = new Set(stored.map(({ stored }) => stored));
  const add = [...there].filter((layer) => known.get(layer.description.sequence) !== layer);
  return { stored, edit: { add, remove: [...known.values()].filter((layer) => !there.has(layer)) } };
}
