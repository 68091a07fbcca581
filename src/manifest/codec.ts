/**
 * States and edits as bytes, little-endian.
 *
 * ```
 *   state:     generation u32 │ count u32 │ timelines …
 *   timeline:  id u64 │ created u64 │ horizon u64 │ next sequence u32 │ name: length u16, UTF-8
 *              │ count u32 │ segments … │ count u32 │ layers …
 *   segment:   sequence u32 │ generation u32 │ file id u64 │ first LSN u64 │ has witness u8
 *              │ witness: offset u64 │ LSN u64 │ is end u8
 *
 *   layer:     0      1        2       4          8            12        20          28         36
 *              ┌──────┬────────┬───────┬──────────┬────────────┬─────────┬───────────┬──────────┬────────────┬──
 *              │ kind │ height │ zeros │ sequence │ generation │ file id │ first LSN │ last LSN │ values end │
 *              └──────┴────────┴───────┴──────────┴────────────┴─────────┴───────────┴──────────┴────────────┴──
 *              44            52         56           60     64            68           72             76
 *            ──┬─────────────┬──────────┬────────────┬──────┬─────────────┬────────────┬──────────────┬──
 *              │ byte length │ versions │ tombstones │ keys │ index pages │ leaf pages │ filter pages │
 *            ──┴─────────────┴──────────┴────────────┴──────┴─────────────┴────────────┴──────────────┴──
 *              76                 78                80
 *            ──┬──────────────────┬─────────────────┬─────────────┬────────────┐
 *              │ first key length │ last key length │ first key … │ last key … │
 *            ──┴──────────────────┴─────────────────┴─────────────┴────────────┘
 *
 *   edit:      type u8, then
 *              1 add timeline: timeline          4 drop segments: id u64 │ count u32 │ sequences u32 …
 *              2 drop timeline: id u64           5 seal: id u64 │ layer
 *              3 add segment: id u64 │ segment   6 replace layers: id u64 │ count u32 │ sequences u32 …
 *              8 horizon: id u64 │ LSN u64                         │ count u32 │ layers …
 *              9 generation: u32                 7 witness: id u64 │ sequence u32 │ offset u64 │ LSN u64 │ is end u8
 * ```
 *
 * What is decoded is well-formed only; whether it may be is said by `timelineFault` and by drafts.
 *
 * @module
 */

import type { Turns } from "../base/mod.ts";
import type { LayerDescription, LayerKind } from "../layer/mod.ts";
import { type BodyReader, type BodyWriter, longAt, putLong } from "./body.ts";
import type { Edit } from "./edit.ts";
import type { SegmentDescription, StoreState, TimelineState, Witness } from "./state.ts";

/** Kinds of layers are on disk as their places here, types of edits as well. */
const layerKinds: readonly LayerKind[] = ["L0", "delta", "image"];
const editTypes: readonly (Edit["type"] | "")[] = [
  "",
  "addTimeline",
  "dropTimeline",
  "addSegment",
  "dropSegments",
  "seal",
  "replaceLayers",
  "witness",
  "horizon",
  "generation",
];
const leastTimelineBytes = 38;
const leastSegmentBytes = 25;
const leastLayerBytes = 80;
/** Layers that are coded between looks at the clock: some 100 µs. */
const layersPerLook = 512;

/** Appends a state. Long work gives the event loop its turns. */
export async function writeState(writer: BodyWriter, state: StoreState, turns: Turns): Promise<void> {
  writer.word(state.generation);
  writer.word(state.timelines.length);
  for (const timeline of state.timelines) {
    writeTimelineHead(writer, timeline);
    for (let i = 0; i < timeline.layers.length; i++) {
      writeLayer(writer, timeline.layers[i]);
      if (i % layersPerLook === 0 && turns.due()) await turns.turn();
    }
  }
}

/**
 * Reads the generation and the timelines of a state. Long work gives the event loop its turns.
 *
 * @throws {CorruptionError} If they are not well-formed.
 */
export async function readState(
  reader: BodyReader,
  turns: Turns,
): Promise<Pick<StoreState, "generation" | "timelines">> {
  const generation = reader.word();
  const timelines: TimelineState[] = [];
  for (let left = reader.count(leastTimelineBytes); left > 0; left--) {
    const head = readTimelineHead(reader);
    const layers: LayerDescription[] = [];
    for (let i = reader.count(leastLayerBytes); i > 0; i--) {
      layers.push(readLayer(reader));
      if (i % layersPerLook === 0 && turns.due()) await turns.turn();
    }
    timelines.push({ ...head, layers });
  }
  return { generation, timelines };
}

/** Appends an edit. */
export function writeEdit(writer: BodyWriter, edit: Edit): void {
  writer.byte(editTypes.indexOf(edit.type));
  if (edit.type === "generation") return writer.word(edit.generation);
  if (edit.type === "addTimeline") {
    writeTimelineHead(writer, edit.timeline);
    for (const layer of edit.timeline.layers) writeLayer(writer, layer);
    return;
  }
  writer.long(edit.id);
  switch (edit.type) {
    case "dropTimeline":
      return;
    case "addSegment":
      return writeSegment(writer, edit.segment);
    case "dropSegments":
      return writeSequences(writer, edit.sequences);
    case "seal":
      return writeLayer(writer, edit.layer);
    case "replaceLayers":
      writeSequences(writer, edit.remove);
      writer.word(edit.add.length);
      for (const layer of edit.add) writeLayer(writer, layer);
      return;
    case "witness":
      writer.word(edit.sequence);
      return writeWitness(writer, edit.witness);
    case "horizon":
      return writer.long(edit.lsn);
  }
}

/**
 * Reads an edit.
 *
 * @throws {CorruptionError} If it is not well-formed.
 */
export function readEdit(reader: BodyReader): Edit {
  const type = editTypes[reader.byte()];
  switch (type) {
    case "generation":
      return { type, generation: reader.word() };
    case "addTimeline": {
      const head = readTimelineHead(reader);
      return { type, timeline: { ...head, layers: readLayers(reader) } };
    }
    case "dropTimeline":
      return { type, id: reader.long() };
    case "addSegment":
      return { type, id: reader.long(), segment: readSegment(reader) };
    case "dropSegments":
      return { type, id: reader.long(), sequences: readSequences(reader) };
    case "seal":
      return { type, id: reader.long(), layer: readLayer(reader) };
    case "replaceLayers":
      return { type, id: reader.long(), remove: readSequences(reader), add: readLayers(reader) };
    case "witness":
      return { type, id: reader.long(), sequence: reader.word(), witness: readWitness(reader) };
    case "horizon":
      return { type, id: reader.long(), lsn: reader.long() };
    default:
      throw reader.fault("an edit", "a type that is not known");
  }
}

/** Appends all of a timeline but its layers, and how many these are. */
function writeTimelineHead(writer: BodyWriter, timeline: TimelineState): void {
  writer.long(timeline.id);
  writer.long(timeline.created);
  writer.long(timeline.horizon);
  writer.word(timeline.nextSequence);
  writer.text(timeline.name);
  writer.word(timeline.segments.length);
  for (const segment of timeline.segments) writeSegment(writer, segment);
  writer.word(timeline.layers.length);
}

function readTimelineHead(reader: BodyReader): Omit<TimelineState, "layers"> {
  const id = reader.long(), created = reader.long(), horizon = reader.long();
  const nextSequence = reader.word(), name = reader.text();
  const segments: SegmentDescription[] = [];
  for (let left = reader.count(leastSegmentBytes); left > 0; left--) segments.push(readSegment(reader));
  return { name, id, created, nextSequence, horizon, segments };
}

function writeSegment(writer: BodyWriter, segment: SegmentDescription): void {
  writer.word(segment.sequence);
  writer.word(segment.generation);
  writer.long(segment.fileId);
  writer.long(segment.firstLsn);
  writer.byte(segment.witness === undefined ? 0 : 1);
  if (segment.witness !== undefined) writeWitness(writer, segment.witness);
}

function readSegment(reader: BodyReader): SegmentDescription {
  const sequence = reader.word(),
    generation = reader.word(),
    fileId = reader.long(),
    firstLsn = reader.long();
  const segment = { sequence, generation, fileId, firstLsn };
  return readFlag(reader) ? { ...segment, witness: readWitness(reader) } : segment;
}

function writeWitness(writer: BodyWriter, { offset, lsn, isEnd }: Witness): void {
  writer.long(offset);
  writer.long(lsn);
  writer.byte(isEnd ? 1 : 0);
}

function readWitness(reader: BodyReader): Witness {
  return { offset: reader.long(), lsn: reader.long(), isEnd: readFlag(reader) };
}

function readFlag(reader: BodyReader): boolean {
  const flag = reader.byte();
  if (flag > 1) throw reader.fault("a flag of 0 or 1", `${flag}`);
  return flag === 1;
}

function writeSequences(writer: BodyWriter, sequences: readonly number[]): void {
  writer.word(sequences.length);
  for (const sequence of sequences) writer.word(sequence);
}

function readSequences(reader: BodyReader): number[] {
  const sequences: number[] = [];
  for (let left = reader.count(4); left > 0; left--) sequences.push(reader.word());
  return sequences;
}

/** Appends a layer in one piece: a store has a hundred thousand of them. */
function writeLayer(writer: BodyWriter, layer: LayerDescription): void {
  const { firstKey, lastKey } = layer;
  const at = writer.advance(leastLayerBytes + firstKey.length + lastKey.length);
  const { bytes, view } = writer;
  view.setUint8(at, layerKinds.indexOf(layer.kind));
  view.setUint8(at + 1, layer.height);
  view.setUint16(at + 2, 0);
  view.setUint32(at + 4, layer.sequence, true);
  view.setUint32(at + 8, layer.generation, true);
  putLong(view, at + 12, layer.fileId);
  putLong(view, at + 20, layer.firstLsn);
  putLong(view, at + 28, layer.lastLsn);
  putLong(view, at + 36, layer.valuesEnd);
  putLong(view, at + 44, layer.byteLength);
  view.setUint32(at + 52, layer.versions, true);
  view.setUint32(at + 56, layer.tombstones, true);
  view.setUint32(at + 60, layer.keys, true);
  view.setUint32(at + 64, layer.indexPages, true);
  view.setUint32(at + 68, layer.leafPages, true);
  view.setUint32(at + 72, layer.filterPages, true);
  view.setUint16(at + 76, firstKey.length, true);
  view.setUint16(at + 78, lastKey.length, true);
  bytes.set(firstKey, at + leastLayerBytes);
  bytes.set(lastKey, at + leastLayerBytes + firstKey.length);
}

function readLayers(reader: BodyReader): LayerDescription[] {
  const layers: LayerDescription[] = [];
  for (let left = reader.count(leastLayerBytes); left > 0; left--) layers.push(readLayer(reader));
  return layers;
}

/** See {@linkcode writeLayer}. */
function readLayer(reader: BodyReader): LayerDescription {
  const { view } = reader;
  const at = reader.skip(leastLayerBytes);
  const kind = layerKinds[view.getUint8(at)];
  if (kind === undefined || view.getUint16(at + 2, true) !== 0) {
    throw reader.fault("a layer", "a kind that is not known");
  }
  const firstLength = view.getUint16(at + 76, true), lastLength = view.getUint16(at + 78, true);
  const keysAt = view.byteOffset + reader.skip(firstLength + lastLength);
  return {
    kind,
    sequence: view.getUint32(at + 4, true),
    generation: view.getUint32(at + 8, true),
    fileId: longAt(view, at + 12),
    firstLsn: longAt(view, at + 20),
    lastLsn: longAt(view, at + 28),
    firstKey: new Uint8Array(view.buffer, keysAt, firstLength),
    lastKey: new Uint8Array(view.buffer, keysAt + firstLength, lastLength),
    versions: view.getUint32(at + 52, true),
    tombstones: view.getUint32(at + 56, true),
    keys: view.getUint32(at + 60, true),
    byteLength: longAt(view, at + 44),
    valuesEnd: longAt(view, at + 36),
    indexPages: view.getUint32(at + 64, true),
    leafPages: view.getUint32(at + 68, true),
    height: view.getUint8(at + 1),
    filterPages: view.getUint32(at + 72, true),
  };
}
