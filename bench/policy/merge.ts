/** What a merge writes, by the model. */

import { outputEnds } from "../../src/timeline/upkeep/plan/cuts.ts";
import { columnLevel } from "../../src/timeline/upkeep/plan/levels.ts";
import type { OutputCut, PlannedJob, PlanSettings } from "../../src/timeline/upkeep/plan/planned_layer.ts";
import { addUp, allKeys, recordBytes, type SimLayer, simLayer, type Stretches } from "./sim_layer.ts";
import type { Workload } from "./workload.ts";

/** Counts objects. */
export interface Sequence {
  next: number;
}

/** Merges layers as a job says, and cuts what comes of them. */
export function mergeLayers(
  job: PlannedJob,
  settings: PlanSettings,
  workload: Workload,
  sequence: Sequence,
): SimLayer[] {
  const inputs = job.inputs as readonly SimLayer[];
  const firstLsn = Math.min(...inputs.map((layer) => layer.firstLsn));
  const lastLsn = Math.max(...inputs.map((layer) => layer.lastLsn));
  const merged = withHotKeys(addUp(inputs), workload);
  const needed = drop(merged, workload, firstLsn, lastLsn, settings.horizon ?? 0);
  const { atCutBytes, anywhereBytes: exactly } = outputEnds(job, settings);
  // Fractions of keys are no whole numbers of bytes.
  const anywhereBytes = exactly * (1 + 1e-9) + 1;
  const outputs: SimLayer[] = [];
  const records = lastLsn - firstLsn + 1;
  const end = (stretches: Stretches, oneKey = false) => {
    if (stretches.masses.length === 0) return;
    const width = (stretches.edges[stretches.edges.length - 1] - stretches.edges[0]) / allKeys;
    const keys = oneKey ? 1 : workload.isSteady ? width * workload.distinct(records) : Infinity;
    const identity = {
      kind: "delta",
      level: oneKey ? columnLevel : job.level,
      sequence: sequence.next++,
      horizon: settings.horizon ?? 0,
    } as const;
    outputs.push(simLayer({ ...identity, firstLsn, lastLsn, keys }, stretches, oneKey));
  };
  if (job.level === columnLevel) {
    end(needed, true);
    return outputs;
  }
  let open = new OpenOutput(needed.edges[0]);
  const cuts = new Cuts(job.cuts);
  for (let i = 0; i < needed.masses.length; i++) {
    let from = needed.edges[i];
    const to = needed.edges[i + 1], density = needed.masses[i] / (to - from);
    if (isHot(workload, from)) {
      const isColumn = needed.masses[i] >= settings.outputBytes && job.level > 0 &&
        anywhereBytes !== Infinity;
      if (!isColumn) {
        open.add(to, needed.masses[i]);
        continue;
      }
      end(open);
      const count = Math.floor(needed.masses[i] / settings.outputBytes);
      for (let n = 0; n < count; n++) end({ edges: [from, to], masses: [needed.masses[i] / count] }, true);
      open = new OpenOutput(to);
      continue;
    }
    while (from < to) {
      const cut = cuts.after(from);
      const full = density > 0
        ? from + Math.max(1, Math.ceil((anywhereBytes - open.bytes) / density))
        : Infinity;
      const next = Math.min(to, cut?.part ?? Infinity, full);
      open.add(next, density * (next - from));
      from = next;
      const isAtCut = cut?.part === next && (cut.must || open.bytes >= atCutBytes);
      if (!isAtCut && next !== full) continue;
      end(open);
      open = new OpenOutput(next);
    }
  }
  end(open);
  return outputs.filter(({ byteLength }) => byteLength > 0);
}

/** An output that is being written. */
class OpenOutput implements Stretches {
  readonly edges: number[];
  readonly masses: number[] = [];
  bytes = 0;

  constructor(from: number) {
    this.edges = [from];
  }

  add(to: number, mass: number): void {
    this.edges.push(to);
    this.masses.push(mass);
    this.bytes += mass;
  }
}

/** Where outputs may end, from left to right. */
class Cuts {
  readonly #cuts: readonly OutputCut[];
  #at = 0;

  constructor(cuts: readonly OutputCut[]) {
    this.#cuts = cuts;
  }

  after(part: number): { part: number; must: boolean } | undefined {
    for (; this.#at < this.#cuts.length; this.#at++) {
      const { key, must } = this.#cuts[this.#at];
      const view = new DataView(key.buffer);
      const at = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
      if (at > part) return { part: at, must };
    }
    return undefined;
  }
}

function isHot({ hotKeys }: Workload, part: number): boolean {
  return hotKeys.some(([from, to]) => part >= from && part < to);
}

/** Divides stretches where hot keys begin and end. */
function withHotKeys(stretches: Stretches, { hotKeys }: Workload): Stretches {
  const first = stretches.edges[0], last = stretches.edges[stretches.edges.length - 1];
  const inside = hotKeys.filter(([from, to]) => from < last && to > first);
  if (inside.length === 0) return stretches;
  const edges = inside.map(([from, to]) => [Math.max(from, first), Math.min(to, last)]);
  return addUp([stretches, ...edges.map((edge) => ({ edges: edge, masses: [0] }))]);
}

/** What is needed of what was merged: beyond the horizon all, before it the last of each key. */
function drop(
  merged: Stretches,
  workload: Workload,
  firstLsn: number,
  lastLsn: number,
  horizon: number,
): Stretches {
  if (horizon < firstLsn || !workload.isSteady) return merged;
  const newer = Math.max(0, lastLsn - horizon), older = Math.min(lastLsn, horizon) - firstLsn + 1;
  const distinct = workload.distinct(older);
  const masses = merged.masses.map((mass, i) => {
    const width = (merged.edges[i + 1] - merged.edges[i]) / allKeys;
    const kept = isHot(workload, merged.edges[i]) ? 1 : width * distinct;
    return Math.min(mass, (width * newer + kept) * recordBytes);
  });
  return { edges: merged.edges, masses };
}
