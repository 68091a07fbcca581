/**
 * `deno bench`: the plan of upkeep, which is asked for after every edit, over 100,000 layers, and what an edit costs.
 * Next to it 1,000 layers: a plan
 * should cost little more for a hundred times as many, an edit about as much as copying a list of them.
 */

import { Levels } from "../src/timeline/upkeep/plan/levels.ts";
import { planUpkeep } from "../src/timeline/upkeep/plan/plan_upkeep.ts";
import { defaultPlanSettings, type PlannedLayer } from "../src/timeline/upkeep/plan/planned_layer.ts";
import { keyOf } from "./peers/keys.ts";

const keys = 1 << 24;
const MiB = 2 ** 20;
let sequence = 0;

function layerOf(level: number, firstKey: number, lastKey: number, lsn: number): PlannedLayer {
  return {
    kind: "delta",
    level,
    sequence: ++sequence,
    firstKey: keyOf(firstKey),
    lastKey: keyOf(lastKey),
    firstLsn: lsn,
    lastLsn: lsn + 10,
    byteLength: 128 * MiB,
    versions: 1 << 20,
    keys: 1 << 20,
    horizon: 0,
  };
}

/** Levels that are all full, with so many layers in all, and three layers at level 0. */
function fullLevels(layers: number): Levels {
  const all: PlannedLayer[] = [];
  for (let level = 7, count = Math.floor(layers * 0.75); level > 0 && count >= 8; level--, count >>= 2) {
    const width = Math.floor(keys / count);
    for (let i = 0; i < count; i++) {
      all.push(layerOf(level, i * width, (i + 1) * width - 1, (8 - level) * layers));
    }
  }
  return Levels.empty.edit([], all);
}

for (const layers of [1000, 100_000]) {
  const levels = fullLevels(layers);
  const l0s = [1, 2, 3].map((i) => layerOf(0, 0, keys - 1, (9 + i) * layers));
  const waiting = levels.edit([], l0s);
  const level = levels.sorted[7].layers, at = Math.floor(level.length / 2);
  const remove = level.slice(at, at + 8), add = remove.map((layer) => ({ ...layer, sequence: ++sequence }));
  const settings = defaultPlanSettings, horizon = 1;
  if (planUpkeep(levels, { ...settings, sizeRatio: 10 }).job === undefined) {
    throw new Error("Cannot measure: nothing goes down");
  }
  const group = `${layers} layers`;
  Deno.bench(`plan: a merge of level 0, ${group}`, { group: "plan" }, () => {
    planUpkeep(waiting, settings);
  });
  Deno.bench(`plan: what goes down, ${group}`, { group: "plan" }, () => {
    planUpkeep(levels, { ...settings, sizeRatio: 10 });
  });
  Deno.bench(`plan: nothing, with a horizon, ${group}`, { group: "plan" }, () => {
    planUpkeep(levels, { ...settings, mostInputBytes: 2 ** 60, horizon });
  });
  const many = Levels.empty.edit(
    [],
    Array.from({ length: layers }, (_, i) => ({ ...layerOf(0, 0, keys - 1, i + 1), byteLength: 4096 })),
  );
  Deno.bench(`plan: ${layers} layers at level 0`, { group: "many at level 0" }, () => {
    planUpkeep(many, settings);
  });
  Deno.bench(`edit: 8 layers by 8, ${group}`, { group: "edit" }, () => {
    levels.edit(remove, add);
  });
}
