/**
 * States and edits as bytes, little-endian.
 *
 * ```
 *   state:     generation u32 │ count u32 │ timelines … │ count u32 │ ids of dropped timelines u64 …
 *   timeline:  id u64 │ created u64 │ horizon u64 │ next sequence u32 │ name: length u16, UTF-8
 *              │ is branch u8 │ ancestor: id u64 │ LSN u64
 *              │ count u32 │ segments … │ times │ count u32 │ layers …
 *   segment:   sequence u32 │ generation u32 │ file id u64 │ first LSN u64 │ has witness u8
 *              │ witness: offset u64 │ LSN u64 │ is end u8
 *
 *   layer:     0      1        2       4          8            12        20          28         36
 *              ┌──────┬────────┬───────┬──────────┬────────────┬─────────┬───────────┬──────────┬────────────┬──
 *              │ kind │ height │ level │ sequence │ generation │ file id │ first LSN │ last LSN │ values end │
 *              └──────┴────────┴───────┴──────────┴────────────┴─────────┴───────────┴──────────┴────────────┴──
 *              44            52         56           60     64            68           72             76
 *            ──┬─────────────┬──────────┬────────────┬──────┬─────────────┬────────────┬──────────────┬──
 *              │ byte length │ versions │ tombstones │ keys │ index pages │ leaf pages │ filter pages │
 *            ──┴─────────────┴──────────┴────────────┴──────┴─────────────┴────────────┴──────────────┴──
 *              76        84          92        96                 98                100
 *            ──┬─────────┬───────────┬─────────┬──────────────────┬─────────────────┬─────────────┬────────────┐
 *              │ horizon │ image LSN │ patches │ first key length │ last key length │ first key … │ last key … │
 *            ──┴─────────┴───────────┴─────────┴──────────────────┴─────────────────┴─────────────┴────────────┘
 *
 *   times:     count u32 │ LSN, second: varints, each less the one before it │ …
 *   varint:    as few bytes as it needs of seven bits each, the lowest first; all but the last have the highest bit
 *
 *   edit:      type u8, then
 *              1 add timeline: timeline          4 drop segments: id u64 │ count u32 │ sequences u32 …
 *              2 drop timeline: id u64           5 seal: id u64 │ layer │ times
 *              3 add segment: id u64 │ segment   6 replace layers: id u64 │ count u32 │ sequences u32 …
 *              8 horizon: id u64 │ LSN u64                         │ count u32 │ layers …
 *              9 generation: u32                 7 witness: id u64 │ sequence u32 │ offset u64 │ LSN u64 │ is end u8
 *             12 forget timeline: id u64          10 reserve: id u64 │ next sequence u32
 *                                               11 move layers: id u64 │ level u16 │ count u32 │ sequences u32 …
 * ```
 *
 * A level has 16 bits; that of a layer that is sealed is 0.
 *
 * What is read is well-formed only; whether it may be is said by `apply`.
 *
 * @module
 */

import { maxLsn, maxSeconds, type Times, type Turns } from "../base/mod.ts";
import type { LayerDescription, LayerKind } from "../layer/mod.ts";
import { type Code, type Coder, countOf, list, long, oneOf, record, varint, word } from "./coder.ts";
import type { Edit } from "./edit.ts";
import type {
  AncestorState,
  LevelledLayer,
  SegmentDescription,
  StoreState,
  TimelineState,
  Witness,
} from "./state.ts";

const leastTimelineBytes = 43;
const leastSegmentBytes = 25;
const leastTimeBytes = 2;
const leastLayerBytes = 100;
/** Layers that are coded between looks at the clock: some 100 µs. */
const layersPerLook = 512;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const text: Code<string> = (coder, value) => {
  const written = value === undefined ? undefined : encoder.encode(value);
  const bytes = coder.bytes(coder.number(2, written?.length), written);
  try {
    return decoder.decode(bytes);
  } catch {
    throw coder.fault("a text", "bytes that are not UTF-8");
  }
};
const flag: Code<boolean> = oneOf([false, true]);
const sequences: Code<readonly number[]> = list(word, 4);
const witness: Code<Witness> = record({ offset: long, lsn: long, isEnd: flag });
const segmentHead = record({ sequence: word, generation: word, fileId: long, firstLsn: long });
const segment: Code<SegmentDescription> = (coder, value) => {
  const head = segmentHead(coder, value), hasWitness = flag(coder, value && value.witness !== undefined);
  return hasWitness ? { ...head, witness: witness(coder, value?.witness) } : head;
};

const times: Code<Times> = (coder, value) => {
  const count = countOf(coder, leastTimeBytes, value?.lsns);
  const lsns = new Float64Array(count), seconds = new Float64Array(count);
  let lsn = 0, second = 0;
  for (let i = 0; i < count; i++) {
    lsns[i] = lsn += varint(coder, value && value.lsns[i] - lsn);
    seconds[i] = second += varint(coder, value && value.seconds[i] - second);
    if (lsn > maxLsn || second > maxSeconds) throw coder.fault("a time", `LSN ${lsn} by second ${second}`);
  }
  return { lsns, seconds };
};

const layerKind = oneOf<LayerKind>(["L0", "delta", "image"]);
/** Written out, and makes no object but what it returns: a store has a hundred thousand layers. */
const layer: Code<LevelledLayer> = (c, v) => {
  const kind = layerKind(c, v?.kind), height = c.number(1, v?.height);
  const level = c.number(2, v?.level);
  const sequence = word(c, v?.sequence), generation = word(c, v?.generation), fileId = long(c, v?.fileId);
  const firstLsn = long(c, v?.firstLsn), lastLsn = long(c, v?.lastLsn);
  const valuesEnd = long(c, v?.valuesEnd), byteLength = long(c, v?.byteLength);
  const versions = word(c, v?.versions), tombstones = word(c, v?.tombstones), keys = word(c, v?.keys);
  const indexPages = word(c, v?.indexPages), leafPages = word(c, v?.leafPages);
  const filterPages = word(c, v?.filterPages), horizon = long(c, v?.horizon);
  const imageLsn = long(c, v?.imageLsn), patches = word(c, v?.patches);
  const firstLength = c.number(2, v?.firstKey.length), lastLength = c.number(2, v?.lastKey.length);
  const firstKey = c.bytes(firstLength, v?.firstKey), lastKey = c.bytes(lastLength, v?.lastKey);
  // deno-fmt-ignore
  return {
    kind, sequence, generation, fileId, firstLsn, lastLsn, firstKey, lastKey, versions, tombstones, keys, byteLength,
    valuesEnd, indexPages, leafPages, height, filterPages, horizon, imageLsn, patches, level,
  };
};
/** A layer that is sealed: everything but its level. */
const sealedLayer: Code<LayerDescription> = (coder, value) => {
  const { level, ...sealed } = layer(coder, value && { ...value, level: 0 });
  if (level !== 0) throw coder.fault("level 0", `level ${level}`);
  return sealed;
};
const level: Code<number> = (coder, value) => coder.number(2, value);
const layers: Code<readonly LevelledLayer[]> = list(layer, leastLayerBytes);

const segments = list(segment, leastSegmentBytes);
const timelineName = record({ id: long, created: long, horizon: long, nextSequence: word, name: text });
const ancestor: Code<AncestorState> = record({ id: long, lsn: long });
const timelineFiles = record({ segments, times });
const timelineHead: Code<Omit<TimelineState, "layers">> = (coder, value) => {
  const named = timelineName(coder, value), isBranch = flag(coder, value && value.ancestor !== undefined);
  const origin = isBranch ? { ancestor: ancestor(coder, value?.ancestor) } : {};
  return { ...named, ...origin, ...timelineFiles(coder, value) };
};
const timeline: Code<TimelineState> = (coder, value) => {
  return { ...timelineHead(coder, value), layers: layers(coder, value?.layers) };
};
const droppedIds: Code<readonly number[]> = list(long, 8);

/** What an edit says, by its type; on disk the types are 1, 2, … in this order. */
const edits: { readonly [T in Edit["type"]]: Code<Omit<Edit & { type: T }, "type">> } = {
  addTimeline: record({ timeline }),
  dropTimeline: record({ id: long }),
  addSegment: record({ id: long, segment }),
  dropSegments: record({ id: long, sequences }),
  seal: record({ id: long, layer: sealedLayer, times }),
  replaceLayers: record({ id: long, remove: sequences, add: layers }),
  witness: record({ id: long, sequence: word, witness }),
  horizon: record({ id: long, lsn: long }),
  generation: record({ generation: word }),
  reserve: record({ id: long, nextSequence: word }),
  moveLayers: record({ id: long, level, sequences }),
  forgetTimeline: record({ id: long }),
};
const editType = oneOf(Object.keys(edits) as Edit["type"][], 1, 1);

/** Codes an edit. */
export const codeEdit: Code<Edit> = (coder, edit) => {
  const type = editType(coder, edit?.type);
  return { type, ...(edits[type] as Code<object>)(coder, edit) } as Edit;
};

/** Codes what a state says in a snapshot. Long work gives the event loop its turns. */
export async function codeState(
  coder: Coder,
  turns: Turns,
  state?: StoreState,
): Promise<Pick<StoreState, "generation" | "timelines" | "dropped">> {
  const generation = word(coder, state?.generation), timelines: TimelineState[] = [];
  const count = countOf(coder, leastTimelineBytes, state?.timelines);
  for (let i = 0; i < count; i++) {
    const from = state?.timelines[i], head = timelineHead(coder, from), layers: LevelledLayer[] = [];
    const count = countOf(coder, leastLayerBytes, from?.layers);
    for (let j = 0; j < count; j++) {
      layers.push(layer(coder, from?.layers[j]));
      if (j % layersPerLook === 0 && turns.due()) await turns.turn();
    }
    timelines.push({ ...head, layers });
  }
  return { generation, timelines, dropped: droppedIds(coder, state?.dropped) };
}
