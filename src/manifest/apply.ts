/**
 * What exists after edits.
 *
 * @module
 */

import { AssertionError, joinTimes, type Times, timesFault } from "../base/mod.ts";
import type { LayerDescription } from "../layer/mod.ts";
import type { Edit, TimelineEdit } from "./edit.ts";
import {
  checkBranches,
  checkLayer,
  checkLevel,
  checkSegments,
  checkTimeline,
  compareLayers,
  isWhole,
  isWord,
} from "./state.ts";
import type { Fault, LevelledLayer, SegmentDescription, StoreState, TimelineState } from "./state.ts";

/**
 * Returns what exists after edits. It is pure: `state` is left as it is, and what the edits leave alone is shared. What
 * the edits come to is checked, and not all that lies between.
 *
 * @param state What exists.
 * @param edits What changes, in this order.
 * @param fault Makes what is thrown if an edit does not fit; by default an `AssertionError`: whoever made it is wrong.
 * @returns What exists then.
 */
export function apply(state: StoreState, edits: Edit | readonly Edit[], fault: Fault = ourBug): StoreState {
  const timelines: Timelines = new Map(state.timelines.map((timeline) => [timeline.id, timeline]));
  const dropped = new Set(state.dropped);
  let { generation } = state, namesAdded = 0;
  for (const edit of editsOf(edits)) {
    if (edit.type === "generation") {
      const isLater = isWord(edit.generation) && edit.generation > generation;
      if (!isLater) throw fault(`generation ${edit.generation}`);
      generation = edit.generation;
    } else if (edit.type === "addTimeline") {
      checkTimeline(edit.timeline, fault);
      const { id } = edit.timeline;
      if (timelines.has(id)) throw fault(`timeline ${id} again`);
      timelines.set(id, edit.timeline);
      dropped.delete(id);
      namesAdded++;
    } else if (edit.type === "dropTimeline") {
      if (!timelines.delete(edit.id)) throw fault(`the end of timeline ${edit.id}, which is not there`);
      dropped.add(edit.id);
    } else if (edit.type === "forgetTimeline") {
      if (!dropped.delete(edit.id)) throw fault(`that timeline ${edit.id} is gone, which was not dropped`);
    } else draftOf(timelines, edit.id, fault).take(edit);
  }
  const next = Array.from(timelines.values(), (each) => each instanceof TimelineDraft ? each.finish() : each);
  const isUnique = namesAdded === 0 || new Set(next.map(({ name }) => name)).size === next.length;
  if (!isUnique) throw fault("two timelines of one name");
  checkBranches(next, fault);
  return {
    ...state,
    generation,
    timelines: shared(state.timelines, next),
    dropped: shared(state.dropped, Array.from(dropped)),
  };
}

/** So many layers may be arguments of a call. */
const fewLayers = 1000;

/** Timelines by id, in the order of their making. */
type Timelines = Map<number, TimelineState | TimelineDraft>;

function draftOf(timelines: Timelines, id: number, fault: Fault): TimelineDraft {
  const found = timelines.get(id);
  if (found === undefined) throw fault(`timeline ${id}, which is not there`);
  const draft = found instanceof TimelineDraft ? found : new TimelineDraft(found, fault);
  timelines.set(id, draft);
  return draft;
}

/** One edit or several, as several. */
export function editsOf(edits: Edit | readonly Edit[]): readonly Edit[] {
  return "type" in edits ? [edits] : edits;
}

function ourBug(words: string): AssertionError {
  return new AssertionError(`an edit brings ${words}`);
}

/** Items after a change: the very array that they were before if all are the same. */
function shared<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  return before.length === after.length && after.every((item, i) => item === before[i]) ? before : after;
}

/**
 * The next state of one timeline, while edits are applied. Each edit costs what it changes; the layers are merged once,
 * at the end, however many edits there were.
 */
class TimelineDraft {
  readonly #base: TimelineState;
  readonly #fault: Fault;
  /** By sequence, in their order. */
  readonly #segments: Map<number, SegmentDescription>;
  readonly #added = new Map<number, LevelledLayer>();
  /** Sequences of layers of the base. */
  readonly #removed = new Set<number>();
  /** Sequences that layers of the base may have: those that were removed, and some that were added. */
  readonly #doubtful = new Set<number>();
  #nextSequence: number;
  #horizon: number;
  #times: Times;

  /**
   * Starts from what it is.
   *
   * @param base What it is.
   * @param fault Makes what is thrown if an edit does not fit.
   */
  constructor(base: TimelineState, fault: Fault) {
    this.#base = base;
    this.#fault = fault;
    this.#segments = new Map(base.segments.map((segment) => [segment.sequence, segment]));
    this.#nextSequence = base.nextSequence;
    this.#horizon = base.horizon;
    this.#times = base.times;
  }

  /** Applies an edit. */
  take(edit: TimelineEdit): void {
    if (edit.type === "addSegment") this.#addSegment(edit.segment);
    else if (edit.type === "seal") this.#seal(edit.layer, edit.times);
    else if (edit.type === "dropSegments") {
      for (const sequence of edit.sequences) this.#segments.delete(this.#segment(sequence).sequence);
    } else if (edit.type === "replaceLayers") {
      for (const sequence of edit.remove) this.#removeLayer(sequence);
      for (const layer of edit.add) this.#addLayer(layer);
    } else if (edit.type === "moveLayers") {
      this.#moveLayers(edit.sequences, edit.level);
    } else if (edit.type === "witness") {
      this.#segments.set(edit.sequence, { ...this.#segment(edit.sequence), witness: edit.witness });
    } else if (edit.type === "reserve") {
      if (!isWord(edit.nextSequence)) throw this.#fault(`a next sequence of ${edit.nextSequence}`);
      this.#nextSequence = Math.max(this.#nextSequence, edit.nextSequence);
    } else if (edit.type === "horizon") {
      if (!isWhole(edit.lsn)) throw this.#fault(`a horizon of ${edit.lsn}`);
      this.#horizon = Math.max(this.#horizon, edit.lsn);
    }
  }

  /** Returns the timeline as the edits leave it. */
  finish(): TimelineState {
    const base = this.#base, nextSequence = this.#nextSequence, horizon = this.#horizon, times = this.#times;
    const segments = shared(base.segments, Array.from(this.#segments.values()));
    checkSegments(segments, this.#fault);
    return { ...base, nextSequence, horizon, times, segments, layers: this.#layers() };
  }

  #segment(sequence: number): SegmentDescription {
    const segment = this.#segments.get(sequence);
    if (segment === undefined) throw this.#fault(`segment ${sequence}, which is not there`);
    return segment;
  }

  #addSegment(segment: SegmentDescription): void {
    const { sequence } = segment;
    if (sequence < this.#nextSequence) throw this.#fault(`segment ${sequence} out of order`);
    this.#segments.set(sequence, segment);
    this.#nextSequence = sequence + 1;
  }

  #seal(layer: LayerDescription, times: Times): void {
    const { sequence, generation, fileId, firstLsn } = this.#segment(layer.sequence);
    const isSame = layer.generation === generation && layer.fileId === fileId && layer.firstLsn === firstLsn;
    if (!isSame || layer.kind !== "L0") throw this.#fault(`layer ${sequence}, which is not its segment`);
    const wrongTime = timesFault(times);
    if (wrongTime !== undefined) throw this.#fault(wrongTime);
    this.#segments.delete(sequence);
    this.#added.set(sequence, { ...layer, level: 0 });
    this.#times = joinTimes(this.#times, times);
  }

  #removeLayer(sequence: number): void {
    if (this.#added.delete(sequence)) return;
    if (this.#removed.has(sequence)) throw this.#fault(`the end of layer ${sequence} again`);
    this.#removed.add(sequence);
    this.#doubtful.add(sequence);
  }

  #moveLayers(sequences: readonly number[], level: number): void {
    checkLevel(level, this.#fault);
    const moved = new Set(sequences);
    if (moved.size < sequences.length) throw this.#fault("the move of a layer twice");
    const standing = this.#base.layers.filter(({ sequence }) =>
      moved.has(sequence) && !this.#removed.has(sequence)
    );
    const added = [...this.#added.values()].filter(({ sequence }) => moved.has(sequence));
    if (standing.length + added.length < moved.size) {
      throw this.#fault("the move of a layer that is not there");
    }
    for (const layer of [...standing, ...added]) {
      this.#removeLayer(layer.sequence);
      this.#added.set(layer.sequence, { ...layer, level });
    }
  }

  #addLayer(layer: LevelledLayer): void {
    const { sequence } = layer;
    const isTaken = this.#added.has(sequence) || this.#segments.has(sequence);
    if (isTaken) throw this.#fault(`layer ${sequence} again`);
    this.#added.set(sequence, layer);
    if (sequence < this.#base.nextSequence) this.#doubtful.add(sequence);
    this.#nextSequence = Math.max(this.#nextSequence, sequence + 1);
  }

  /** The layers as the edits leave them. Only what lies between the first change and the last is made anew. */
  #layers(): readonly LevelledLayer[] {
    const { layers } = this.#base, added = Array.from(this.#added.values());
    for (const layer of added) checkLayer(layer, this.#fault);
    const places = [...this.#removedPlaces(), ...added.map((layer) => placeOf(layers, layer))];
    if (places.length === 0) return layers;
    const sorted = Float64Array.from(places).sort(), from = sorted[0], to = sorted[places.length - 1] + 1;
    const kept = layers.slice(from, to).filter(({ sequence }) => !this.#removed.has(sequence));
    const changed = kept.concat(added).sort(compareLayers);
    // One copy instead of two: copies of a hundred thousand layers are most of what a commit costs.
    if (changed.length <= fewLayers) return layers.toSpliced(from, to - from, ...changed);
    return layers.slice(0, from).concat(changed, layers.slice(to));
  }

  /** Where layers stand that were removed. */
  #removedPlaces(): number[] {
    const { layers } = this.#base, removed = this.#removed, places: number[] = [];
    const doubtful = Float64Array.from(this.#doubtful).sort();
    const least = doubtful[0], most = doubtful[doubtful.length - 1];
    for (let i = 0; i < layers.length && doubtful.length > 0; i++) {
      const { sequence } = layers[i];
      // Bounds first: a look at a set for each of a hundred thousand layers takes a millisecond.
      if (sequence < least || sequence > most || !this.#doubtful.has(sequence)) continue;
      if (!removed.has(sequence)) throw this.#fault(`layer ${sequence} again`);
      places.push(i);
    }
    if (places.length < removed.size) throw this.#fault("the end of a layer that is not there");
    return places;
  }
}

/** Where a layer belongs among others. */
function placeOf(layers: readonly LevelledLayer[], layer: LevelledLayer): number {
  let low = 0, high = layers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareLayers(layers[middle], layer) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
