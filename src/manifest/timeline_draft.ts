/**
 * The next state of one timeline, while edits are applied. Each edit costs what it changes; the layers are merged
 * once, at the end, however many edits there were.
 *
 * @module
 */

import type { LayerDescription } from "../layer/mod.ts";
import type { TimelineEdit } from "./edit.ts";
import {
  compareLayers,
  isWitness,
  layerFault,
  type SegmentDescription,
  segmentFault,
  type TimelineState,
  type Witness,
} from "./state.ts";

/** The next state of one timeline. */
export class TimelineDraft {
  readonly #base: TimelineState;
  readonly #segments: Map<number, SegmentDescription>;
  readonly #added = new Map<number, LayerDescription>();
  /** Sequences of layers of the base. */
  readonly #removed = new Set<number>();
  /** Whether a layer was added that might be there already. */
  #mayClash = false;
  #nextSequence: number;
  #horizon: number;

  /** Starts from what it is. */
  constructor(base: TimelineState) {
    this.#base = base;
    this.#segments = new Map(base.segments.map((segment) => [segment.sequence, segment]));
    this.#nextSequence = base.nextSequence;
    this.#horizon = base.horizon;
  }

  /** Its name. */
  get name(): string {
    return this.#base.name;
  }

  /**
   * Applies an edit.
   *
   * @returns Why it does not fit, in words; this draft is of no use then.
   */
  take(edit: TimelineEdit): string | undefined {
    switch (edit.type) {
      case "addSegment":
        return this.#addSegment(edit.segment);
      case "dropSegments":
        return this.#dropSegments(edit.sequences);
      case "seal":
        return this.#seal(edit.layer);
      case "replaceLayers":
        return this.#replaceLayers(edit.remove, edit.add);
      case "witness":
        return this.#witness(edit.sequence, edit.witness);
      case "horizon":
        if (!Number.isSafeInteger(edit.lsn) || edit.lsn < this.#horizon) return `a horizon of ${edit.lsn}`;
        this.#horizon = edit.lsn;
        return undefined;
    }
  }

  #addSegment(segment: SegmentDescription): string | undefined {
    const fault = segmentFault(segment);
    if (fault !== undefined) return fault;
    if (segment.sequence < this.#nextSequence) return `segment ${segment.sequence} out of order`;
    this.#segments.set(segment.sequence, segment);
    this.#nextSequence = segment.sequence + 1;
    return undefined;
  }

  #dropSegments(sequences: readonly number[]): string | undefined {
    const missing = sequences.find((sequence) => !this.#segments.delete(sequence));
    return missing === undefined ? undefined : noSegment(missing);
  }

  #seal(layer: LayerDescription): string | undefined {
    const segment = this.#segments.get(layer.sequence);
    if (segment === undefined) return noSegment(layer.sequence);
    const { generation, fileId, firstLsn } = segment;
    if (
      layer.kind !== "L0" || layer.generation !== generation || layer.fileId !== fileId ||
      layer.firstLsn !== firstLsn
    ) return `layer ${layer.sequence} that is not what segment ${layer.sequence} was`;
    this.#segments.delete(layer.sequence);
    this.#added.set(layer.sequence, layer);
    return layerFault(layer);
  }

  #replaceLayers(remove: readonly number[], add: readonly LayerDescription[]): string | undefined {
    for (const sequence of remove) {
      if (this.#added.delete(sequence)) continue;
      if (this.#removed.has(sequence)) return noLayer(sequence);
      this.#removed.add(sequence);
    }
    for (const layer of add) {
      const { sequence } = layer;
      const isTaken = this.#added.has(sequence) || this.#segments.has(sequence);
      const fault = isTaken ? `layer ${sequence} again` : layerFault(layer);
      if (fault !== undefined) return fault;
      this.#added.set(sequence, layer);
      this.#nextSequence = Math.max(this.#nextSequence, sequence + 1);
      this.#mayClash = true;
    }
    return undefined;
  }

  #witness(sequence: number, witness: Witness): string | undefined {
    const segment = this.#segments.get(sequence);
    if (segment === undefined) return noSegment(sequence);
    if (!isWitness(witness)) return `a witness of segment ${sequence} with numbers out of range`;
    this.#segments.set(sequence, { ...segment, witness });
    return undefined;
  }

  /** Returns the timeline as the edits leave it, or in words why one of them did not fit. */
  finish(): TimelineState | string {
    const layers = this.#layers();
    if (typeof layers === "string") return layers;
    const segments = Array.from(this.#segments.values());
    const unordered = segments.find((segment, i) => i > 0 && segments[i - 1].firstLsn >= segment.firstLsn);
    if (unordered !== undefined) return `segment ${unordered.sequence} out of order`;
    const { segments: old } = this.#base;
    const areOld = segments.length === old.length && segments.every((segment, i) => segment === old[i]);
    const nextSequence = this.#nextSequence, horizon = this.#horizon;
    return { ...this.#base, nextSequence, horizon, segments: areOld ? old : segments, layers };
  }

  #layers(): readonly LayerDescription[] | string {
    const old = this.#base.layers;
    const added = Array.from(this.#added.values()).sort(compareLayers);
    const cuts = this.#removed.size > 0 || this.#mayClash ? this.#cuts() : [];
    if (typeof cuts === "string") return cuts;
    if (cuts.length === 0 && added.length === 0) return old;
    if (cuts.length === 0 && added.length === 1) return old.toSpliced(placeOf(old, added[0]), 0, added[0]);
    const merged: LayerDescription[] = [];
    let from = 0, cut = 0;
    const copyTo = (end: number) => {
      for (; from < end; from++) {
        if (from === cuts[cut]) cut++;
        else merged.push(old[from]);
      }
    };
    for (const layer of added) {
      copyTo(placeOf(old, layer));
      merged.push(layer);
    }
    copyTo(old.length);
    return merged;
  }

  /** Where the layers of the base stand that were removed, or in words which one is missing or added again. */
  #cuts(): number[] | string {
    const old = this.#base.layers;
    const changed = new Set(this.#removed);
    for (const sequence of this.#added.keys()) if (sequence < this.#base.nextSequence) changed.add(sequence);
    let least = Infinity, most = 0;
    for (const sequence of changed) {
      least = Math.min(least, sequence);
      most = Math.max(most, sequence);
    }
    const cuts: number[] = [];
    for (let i = 0; i < old.length; i++) {
      const { sequence } = old[i];
      // Bounds first: a look at a set for each of a hundred thousand layers takes milliseconds.
      if (sequence < least || sequence > most || !changed.has(sequence)) continue;
      if (!this.#removed.has(sequence)) return `layer ${sequence} again`;
      cuts.push(i);
    }
    return cuts.length === this.#removed.size ? cuts : "the end of a layer that is not there";
  }
}

function noSegment(sequence: number): string {
  return `segment ${sequence}, which is not there`;
}

function noLayer(sequence: number): string {
  return `layer ${sequence}, which is not there`;
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
