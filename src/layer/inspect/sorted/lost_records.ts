/**
 * Which records stood where nothing checks any more, by the index of their layer, and by the heads of their run where
 * these are whole.
 *
 * @module
 */

import { blockBytes, IoError, type Lsn } from "../../../base/mod.ts";
import { runFlag } from "../../formats/page_format.ts";
import { recordHeaderBytes } from "../../formats/record_format.ts";
import { areHeadsIntact, lengthInRun, lsnInRun } from "../../formats/run_format.ts";
import type { StoredLayer } from "../../layer.ts";
import { rowKey, type VersionBlock } from "../../version_cursor.ts";
import { type ObjectSource, type Pace, piecesOf } from "../pieces.ts";
import { readLeaves } from "../read_pages.ts";

/** Bytes of a file without a record that checks. */
export interface Stretch {
  /** Where they start. */
  readonly from: number;
  /** Where they end. */
  readonly to: number;
}

/** Runs that are read again at the most to find out which records damage costs: 16 MiB. */
const mostRuns = 4096;

interface LostRun {
  readonly offset: number;
  readonly length: number;
  readonly headSum: number;
}

/**
 * Tells which records stood in gaps.
 *
 * @param objects Where the layer lies.
 * @param layer The layer.
 * @param pace Whose turns are given, and who may stop it.
 * @param gaps The gaps, in order.
 * @param visit Is told a gap, and the key and the LSN of a record that stood in it.
 * @param isLost Whether a leaf is known to contradict others, though it checks; left out, none is.
 * @returns The gaps of which that cannot be told, or not wholly; `undefined` if leaves cannot be read, so that it may be
 * any.
 */
export async function lostRecords(
  objects: ObjectSource,
  layer: StoredLayer,
  pace: Pace,
  gaps: readonly Stretch[],
  visit: (gap: number, key: Uint8Array, lsn: Lsn) => void,
  isLost?: (page: number) => boolean,
): Promise<Set<number> | undefined> {
  const runs = new Map<number, LostRun[]>(), unknown = new Set<number>();
  let count = 0, leaves = 0;
  await readLeaves(objects, layer, pace, (block) => {
    leaves++;
    for (let row = 0; row < block.count; row++) {
      const offset = block.offset[row], length = block.length[row];
      for (let i = firstBehind(gaps, offset); i < gaps.length && gaps[i].from < offset + length; i++) {
        if (block.flags[row] !== runFlag) visit(i, rowKey(block, row), block.lsn[row]);
        else if (++count > mostRuns) unknown.add(i);
        else addTo(runs, i, runOf(block, row));
      }
    }
  }, isLost);
  for (const [gap, lost] of runs) {
    for (const run of lost) {
      const isKnown = !unknown.has(gap) && await readRun(objects, layer, pace, run, gaps[gap], (key, lsn) => {
        visit(gap, key, lsn);
      });
      if (!isKnown) unknown.add(gap);
    }
  }
  return leaves === layer.description.leafPages ? unknown : undefined;
}

function addTo(runs: Map<number, LostRun[]>, gap: number, run: LostRun): void {
  const known = runs.get(gap);
  if (known === undefined) runs.set(gap, [run]);
  else known.push(run);
}

function runOf(block: VersionBlock, row: number): LostRun {
  return { offset: block.offset[row], length: block.length[row], headSum: block.headSum?.[row] ?? 0 };
}

/** The first gap that ends behind an offset. */
function firstBehind(gaps: readonly Stretch[], offset: number): number {
  let low = 0, high = gaps.length;
  while (low < high) {
    const middle = low + high >>> 1;
    if (gaps[middle].to <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Tells the records of a run that stood in a gap; false if its heads do not check either. */
async function readRun(
  objects: ObjectSource,
  { object }: StoredLayer,
  pace: Pace,
  { offset, length, headSum }: LostRun,
  gap: Stretch,
  visit: (key: Uint8Array, lsn: Lsn) => void,
): Promise<boolean> {
  const run = new Uint8Array(length), start = offset - offset % blockBytes;
  let filled = 0;
  try {
    for await (const piece of piecesOf(objects, object, { start, end: offset + length }, pace)) {
      if (piece.bytes === undefined) return false;
      const from = Math.max(0, offset - piece.offset), part = piece.bytes.subarray(from);
      run.set(part.subarray(0, length - filled), filled);
      filled = Math.min(length, filled + part.length);
    }
  } catch (error) {
    if (error instanceof IoError) return false;
    throw error;
  }
  if (filled < length || !areHeadsIntact(run, 0, length, headSum)) return false;
  for (let at = 0, size = 0; at < length; at += size) {
    size = lengthInRun(run, at, length);
    const isIn = offset + at < gap.to && offset + at + size > gap.from;
    const keyAt = at + recordHeaderBytes, keyLength = run[at + 6] | run[at + 7] << 8;
    if (isIn) visit(run.slice(keyAt, keyAt + keyLength), lsnInRun(run, at));
  }
  return true;
}
