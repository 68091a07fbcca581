/**
 * What exists, as data: what the manifest says of a store at one moment. A state is never changed; an edit makes the
 * next one, which shares with it whatever the edit leaves alone.
 *
 * M1  Names and ids of timelines are unique.
 * M2  A timeline's segments stand in ascending order of sequence and of first LSN, its layers in ascending order of
 *     (first LSN, sequence). No two of them have the same sequence, and `nextSequence` is above all of these.
 *
 * @module
 */

import { type Lsn, maxTimelineNameLength } from "../base/mod.ts";
import { descriptionFault, type LayerDescription } from "../layer/mod.ts";

/** What exists. */
export interface StoreState {
  /** The version of the manifest that holds it, which names the file. */
  readonly version: number;
  /** The store's id, 32 hexadecimal digits. */
  readonly storeId: string;
  /** Grows each time the store is opened for writing, so that a later owner's objects are told from an earlier's. */
  readonly generation: number;
  /** The timelines, in the order in which they were made. */
  readonly timelines: readonly TimelineState[];
}

/** A timeline. */
export interface TimelineState {
  /** Its name. */
  readonly name: string;
  /** Its id, which names its directory. */
  readonly id: number;
  /** When it was made, in milliseconds since the epoch. */
  readonly created: number;
  /** The sequence of its next segment or layer. */
  readonly nextSequence: number;
  /** The LSN below which its history may be given up. */
  readonly horizon: Lsn;
  /** Its segments that are not sealed, oldest first. */
  readonly segments: readonly SegmentDescription[];
  /** Its layers, by first LSN. */
  readonly layers: readonly LayerDescription[];
}

/** A segment that is not sealed. */
export interface SegmentDescription {
  /** Its place among the segments and layers of its timeline: 1, 2, … in the order of their making. */
  readonly sequence: number;
  /** The generation of the store's owner that made it. */
  readonly generation: number;
  /** What its header must say. */
  readonly fileId: number;
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  /** How far it was known durable, where that was found out. */
  readonly witness?: Witness | undefined;
}

/** How far a segment was known durable. */
export interface Witness {
  /** That many bytes of it were durable. */
  readonly offset: number;
  /** The LSN of the last batch in them. */
  readonly lsn: Lsn;
  /** Whether nothing behind `offset` is part of history. */
  readonly isEnd: boolean;
}

/** Sequences and generations have 32 bits in the names of objects. */
const mostWord = 2 ** 32 - 1;

function isWord(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= mostWord;
}

/** Whether a number may be a sequence; one more must have its place too. */
function isSequence(value: number): boolean {
  return isWord(value) && value > 0 && value < mostWord;
}

function isWhole(value: number, least = 0): boolean {
  return Number.isSafeInteger(value) && value >= least;
}

/** Whether a number may be a generation. */
export function isGeneration(value: number): boolean {
  return isWord(value);
}

/**
 * Says what is wrong with a timeline by itself (M2).
 *
 * @returns What, in words, or `undefined` if nothing is.
 */
export function timelineFault(timeline: TimelineState): string | undefined {
  const { name, id, created, nextSequence, horizon, segments } = timeline;
  if (name.length < 1 || name.length > maxTimelineNameLength || !name.isWellFormed()) {
    return `a timeline's name of ${name.length} characters`;
  }
  if (!isWhole(id, 1) || !isWhole(created) || !isWhole(horizon) || !isWord(nextSequence)) {
    return `timeline "${name}" with numbers out of range`;
  }
  let last: SegmentDescription | undefined;
  for (const segment of segments) {
    const fault = segmentFault(segment);
    if (fault !== undefined) return fault;
    if (last !== undefined && (segment.sequence <= last.sequence || segment.firstLsn <= last.firstLsn)) {
      return `segment ${segment.sequence} behind segment ${last.sequence}`;
    }
    last = segment;
  }
  if (last !== undefined && last.sequence >= nextSequence) return `segment ${last.sequence} out of order`;
  return layersFault(timeline);
}

function layersFault({ layers, segments, nextSequence }: TimelineState): string | undefined {
  let isAscending = true;
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i];
    const fault = layerFault(layer);
    if (fault !== undefined) return fault;
    if (layer.sequence >= nextSequence || i > 0 && compareLayers(layers[i - 1], layer) >= 0) {
      return `layer ${layer.sequence} out of order`;
    }
    isAscending &&= i === 0 || layers[i - 1].sequence < layer.sequence;
  }
  if (isAscending && segments.length === 0) return undefined;
  const sequences = new Uint32Array(layers.length + segments.length);
  layers.forEach(({ sequence }, i) => sequences[i] = sequence);
  segments.forEach(({ sequence }, i) => sequences[layers.length + i] = sequence);
  sequences.sort();
  const twice = sequences.findIndex((sequence, i) => i > 0 && sequence === sequences[i - 1]);
  return twice < 0 ? undefined : `two layers of sequence ${sequences[twice]}`;
}

/** The order of layers: by first LSN, then by sequence. */
export function compareLayers(a: LayerDescription, b: LayerDescription): number {
  return a.firstLsn - b.firstLsn || a.sequence - b.sequence;
}

/** Says what is wrong with a layer by itself, or nothing. */
export function layerFault(layer: LayerDescription): string | undefined {
  const isRight = isSequence(layer.sequence) && isWord(layer.generation) && isWord(layer.versions) &&
    isWord(layer.indexPages) && isWord(layer.leafPages) && isWord(layer.filterPages);
  const fault = isRight ? descriptionFault(layer) : "numbers out of range";
  return fault === undefined ? undefined : `layer ${layer.sequence} with ${fault}`;
}

/** Says what is wrong with a segment by itself, or nothing. */
export function segmentFault(
  { sequence, generation, fileId, firstLsn, witness }: SegmentDescription,
): string | undefined {
  const isRight = isSequence(sequence) && isWord(generation) && isWhole(fileId, 1) && isWhole(firstLsn, 1) &&
    (witness === undefined || isWitness(witness));
  return isRight ? undefined : `segment ${sequence} with numbers out of range`;
}

/** Whether the numbers of a witness may be. */
export function isWitness({ offset, lsn }: Witness): boolean {
  return isWhole(offset) && isWhole(lsn);
}
