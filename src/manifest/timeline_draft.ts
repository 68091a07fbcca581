/**
 * The next state of one timeline, while edits are applied. Each edit costs what it changes; the layers are merged
 * once, at the end, however many edits there were.
 *
 * @module
 */

import type { LayerDescription } from "../layer/mod.ts";
import type { TimelineEdit } from "./edit.ts";
import { checkLayer, checkSegments, compareLayers, type Fault, isWhole, shared } from "./state.ts";
import type { SegmentDescription, TimelineState } from "./state.ts";

/** The next state of one timeline. */
export class TimelineDraft {
  readonly #base: TimelineState;
  readonly #fault: Fault;
  /** By sequence, in their order. */
  readonly #segments: Map<number, SegmentDescription>;
  readonly #added = new Map<number, LayerDescription>();
  /** Sequences of layers of the base. */
  readonly #removed = new Set<number>();
  #nextSequence: number;
  #horizon: number;

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
  }

  /** Applies an edit. */
  take(edit: TimelineEdit): void {
    switch (edit.type) {
      case "addSegment":
        return this.#addSegment(edit.segment);
      case "dropSegments":
        for (const sequence of edit.sequences) this.#segments.delete(this.#segment(sequence).sequence);
        return;
      case "seal":
        return this.#seal(edit.layer);
      case "replaceLayers":
        for (const sequence of edit.remove) this.#removeLayer(sequence);
        for (const layer of edit.add) this.#addLayer(layer);
        return;
      case "witness":
        this.#segments.set(edit.sequence, { ...this.#segment(edit.sequence), witness: edit.witness });
        return;
      case "horizon":
        if (!isWhole(edit.lsn, this.#horizon)) throw this.#fault(`a horizon of ${edit.lsn}`);
        this.#horizon = edit.lsn;
    }
  }

  /** Returns the timeline as the edits leave it. */
  finish(): TimelineState {
    const base = this.#base, nextSequence = this.#nextSequence, horizon = this.#horizon;
    const segments = shared(base.segments, Array.from(this.#segments.values()));
    checkSegments(segments, this.#fault);
    return { ...base, nextSequence, horizon, segments, layers: this.#layers() };
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

  #seal(layer: LayerDescription): void {
    const { sequence, generation, fileId, firstLsn } = this.#segment(layer.sequence);
    const isSame = layer.generation === generation && layer.fileId === fileId && layer.firstLsn === firstLsn;
    if (!isSame || layer.kind !== "L0") throw this.#fault(`layer ${sequence}, which is not its segment`);
    this.#segments.delete(sequence);
    this.#added.set(sequence, layer);
  }

  #removeLayer(sequence: number): void {
    if (this.#added.delete(sequence)) return;
    if (this.#removed.has(sequence)) throw this.#fault(`the end of layer ${sequence} again`);
    this.#removed.add(sequence);
  }

  #addLayer(layer: LayerDescription): void {
    const { sequence } = layer;
    if (this.#added.has(sequence) || this.#segments.has(sequence)) {
      throw this.#fault(`layer ${sequence} again`);
    }
    this.#added.set(sequence, layer);
    this.#nextSequence = Math.max(this.#nextSequence, sequence + 1);
  }

  /** The layers as the edits leave them. Only what lies between the first change and the last is made anew. */
  #layers(): readonly LayerDescription[] {
    const { layers } = this.#base, added = Array.from(this.#added.values());
    let { from, to } = this.#removedRange();
    for (const layer of added) {
      checkLayer(layer, this.#fault);
      const place = placeOf(layers, layer);
      from = Math.min(from, place);
      to = Math.max(to, place);
    }
    if (from > to) return layers;
    const kept = layers.slice(from, to).filter(({ sequence }) => !this.#removed.has(sequence));
    return layers.slice(0, from).concat(kept.concat(added).sort(compareLayers), layers.slice(to));
  }

  /** Where the first and the last layer stand that were removed. */
  #removedRange(): { from: number; to: number } {
    const { layers } = this.#base, added = this.#added, removed = this.#removed;
    const touched = Float64Array.from([...removed, ...added.keys()]).sort(), least = touched[0];
    let from = layers.length + 1, to = 0, found = 0;
    for (let i = 0; i < layers.length && touched.length > 0; i++) {
      const { sequence } = layers[i];
      // Bounds first: a look at a set for each of a hundred thousand layers takes a millisecond.
      if (sequence < least || sequence > touched[touched.length - 1]) continue;
      if (removed.has(sequence)) [from, to, found] = [Math.min(from, i), i + 1, found + 1];
      else if (added.has(sequence)) throw this.#fault(`layer ${sequence} again`);
    }
    if (found < removed.size) throw this.#fault("the end of a layer that is not there");
    return { from, to };
  }
}

/** Where a layer belongs among others. */
function placeOf(layers: readonly LayerDescription[], layer: LayerDescription): number {
  let low = 0, high = layers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareLayers(layers[middle], layer) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
