/** Layers that hold versions in memory, and a plain way to merge them. */

import { compareKeys } from "../../../../src/base/mod.ts";
import { outputEnds } from "../../../../src/timeline/upkeep/plan/cuts.ts";
import { columnLevel } from "../../../../src/timeline/upkeep/plan/levels.ts";
import type {
  PlannedJob,
  PlannedLayer,
  PlanSettings,
} from "../../../../src/timeline/upkeep/plan/planned_layer.ts";

const encoder = new TextEncoder();

/** The bytes of a version. */
export const versionBytes = 10;

/** Settings for layers of a few versions. */
export const settings: PlanSettings = {
  outputBytes: 400,
  upperOutputBytes: 100,
  mergeL0s: 3,
  mostDepth: 3,
  mostL0s: 12,
  sizeRatio: 3,
  mostInputBytes: 3200,
  scatteredBytes: 400,
  mostLevels: 7,
  mostStale: 0.5,
  mostStaleAtRest: 0.07,
};

/** Makes a key. */
export function key(text: string): Uint8Array {
  return encoder.encode(text);
}

let sequence = 0;

/**
 * Makes a layer from a line: its level, its keys, its LSNs and its bytes, as in `3 a-f 10..20 400`; `L0` stands for a
 * segment as it came.
 */
export function layer(line: string, change: Partial<PlannedLayer> = {}): PlannedLayer {
  const parts = /^(L?)(\d) (\w+)-(\w+) (\d+)\.\.(\d+) (\d+)$/.exec(line)!;
  const [, isSegment, level, first, last, firstLsn, lastLsn, bytes] = parts;
  return {
    kind: isSegment ? "L0" : "delta",
    level: Number(level),
    sequence: ++sequence,
    firstKey: key(first),
    lastKey: key(last),
    firstLsn: Number(firstLsn),
    lastLsn: Number(lastLsn),
    byteLength: Number(bytes),
    versions: Number(bytes) / versionBytes,
    keys: Number(bytes) / versionBytes,
    horizon: 0,
    ...change,
  };
}

/** Writes a layer as its line. */
export function lineOf(
  { kind, level, firstKey, lastKey, firstLsn, lastLsn, byteLength }: PlannedLayer,
): string {
  const [first, last] = [firstKey, lastKey].map((bytes) => new TextDecoder().decode(bytes));
  return `${kind === "L0" ? "L" : ""}${level} ${first}-${last} ${firstLsn}..${lastLsn} ${byteLength}`;
}

/** One version of a key. */
export interface Version {
  readonly key: string;
  readonly lsn: number;
}

/** A layer and what is in it, by key and LSN. */
export interface FilledLayer extends PlannedLayer {
  readonly rows: readonly Version[];
}

/** Makes a layer of versions that a merge has written. */
export function filled(level: number, rows: readonly Version[], horizon: number = 0): FilledLayer {
  const sorted = rows.toSorted((a, b) => compareKeys(key(a.key), key(b.key)) || a.lsn - b.lsn);
  const lsns = rows.map(({ lsn }) => lsn);
  return {
    kind: "delta",
    level,
    sequence: ++sequence,
    firstKey: key(sorted[0].key),
    lastKey: key(sorted[sorted.length - 1].key),
    firstLsn: Math.min(...lsns),
    lastLsn: Math.max(...lsns),
    byteLength: rows.length * versionBytes,
    versions: rows.length,
    keys: new Set(rows.map((row) => row.key)).size,
    horizon,
    rows: sorted,
  };
}

/** Makes a segment of versions. */
export function sealed(rows: readonly Version[]): FilledLayer {
  return { ...filled(0, rows), kind: "L0" };
}

/** Does a job; what is below the horizon and not the last of its key there is dropped. */
export function work(job: PlannedJob, given: PlanSettings): FilledLayer[] {
  const inputs = job.inputs as readonly FilledLayer[];
  if (job.work === "move") return inputs.map((input) => ({ ...input, level: job.level }));
  const byKey = Map.groupBy(inputs.flatMap(({ rows }) => rows), (row) => row.key);
  const { atCutBytes, anywhereBytes } = outputEnds(job, given);
  const outputs: FilledLayer[] = [];
  let open: Version[] = [], cut = 0;
  const end = (level: number, rows: readonly Version[]) => {
    if (rows.length > 0) outputs.push(filled(level, rows, given.horizon));
  };
  for (const name of [...byKey.keys()].sort((a, b) => compareKeys(key(a), key(b)))) {
    const rows = needed(byKey.get(name)!, given.horizon ?? 0), bytes = () => open.length * versionBytes;
    let mustEnd = bytes() >= anywhereBytes;
    for (; cut < job.cuts.length && compareKeys(job.cuts[cut].key, key(name)) <= 0; cut++) {
      mustEnd ||= job.cuts[cut].must || bytes() >= atCutBytes;
    }
    const isColumn = job.level === columnLevel ||
      job.level > 0 && rows.length * versionBytes > given.outputBytes;
    if (mustEnd || isColumn) {
      end(job.level, open);
      open = [];
    }
    if (!isColumn) open.push(...rows);
    else if (job.level === columnLevel) end(columnLevel, rows);
    else {
      const each = Math.ceil(given.outputBytes / versionBytes);
      for (let at = 0; at < rows.length; at += each) end(columnLevel, rows.slice(at, at + each));
    }
  }
  end(job.level, open);
  return outputs;
}

/** The versions of one key that are needed. */
export function needed(rows: readonly Version[], horizon: number): Version[] {
  const sorted = rows.toSorted((a, b) => a.lsn - b.lsn);
  return sorted.filter(({ lsn }, i) =>
    lsn > horizon || i === sorted.length - 1 || sorted[i + 1].lsn > horizon
  );
}
