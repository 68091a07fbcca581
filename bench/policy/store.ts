/** Stores of the model: what policies make of the same segments. */

import { Levels } from "../../src/timeline/upkeep/plan/levels.ts";
import type { LevelBounds } from "../../src/timeline/upkeep/plan/levels.ts";
import { planUpkeep, planWithin } from "../../src/timeline/upkeep/plan/plan_upkeep.ts";
import type { PlannedJob, PlanSettings } from "../../src/timeline/upkeep/plan/planned_layer.ts";
import { addUp, keyAt, type SimLayer, simLayer } from "./sim_layer.ts";

/** A store under some policy. */
export interface SimStore {
  /** Takes a sealed segment. */
  add(l0: SimLayer): void;
  /** What the policy does next. */
  plan(horizon: number | undefined, isAtRest: boolean): PlannedJob | undefined;
  /** Puts what came of a job in the place of its inputs. */
  commit(job: PlannedJob, outputs: readonly SimLayer[]): void;
  /** How merges cut what they write. */
  readonly settings: PlanSettings;
  /** How many layers have a key. */
  depthAt(part: number): number;
  /** How many layers there are. */
  readonly count: number;
}

/** A policy. */
export interface Policy {
  readonly name: string;
  /** Makes an empty store. */
  open(): SimStore;
}

/** The planner that is shipped, with some settings, and with bounds of others if they are given. */
export function levelled(
  name: string,
  settings: PlanSettings,
  bounds?: (levels: Levels, settings: PlanSettings) => LevelBounds,
): Policy {
  return { name, open: () => new LevelledStore(settings, bounds) };
}

class LevelledStore implements SimStore {
  #levels = Levels.empty;
  readonly settings: PlanSettings;
  readonly #bounds: ((levels: Levels, settings: PlanSettings) => LevelBounds) | undefined;

  constructor(
    settings: PlanSettings,
    bounds: ((levels: Levels, settings: PlanSettings) => LevelBounds) | undefined,
  ) {
    this.settings = settings;
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#levels.count;
  }

  add(l0: SimLayer): void {
    // What others flush is sorted already.
    const layer: SimLayer = this.#bounds === undefined ? l0 : { ...l0, kind: "delta" };
    this.#levels = this.#levels.edit([], [layer]);
  }

  plan(horizon: number | undefined, isAtRest: boolean): PlannedJob | undefined {
    const settings = { ...this.settings, horizon, isAtRest };
    if (this.#bounds === undefined) return planUpkeep(this.#levels, settings).job;
    return planWithin(this.#bounds(this.#levels, settings), this.#levels, settings).job;
  }

  commit(job: PlannedJob, outputs: readonly SimLayer[]): void {
    this.#levels = this.#levels.edit(job.inputs, outputs);
  }

  depthAt(part: number): number {
    const key = keyAt(part), { l0s, sorted, columns } = this.#levels;
    let depth = (l0s as readonly SimLayer[]).filter(({ edges }) => {
      return edges[0] <= part && part < edges[edges.length - 1];
    }).length;
    // A get of a key that has a column ends at the newest layer of it.
    for (const level of [...sorted, columns]) {
      const { from, to } = level.overlap(key, key);
      if (to > from) depth++;
    }
    return depth;
  }
}

/** Chooses which runs are merged, from oldest to newest: from the first to before the last, if any are. */
export type Choice = (runs: readonly SimLayer[]) => readonly [from: number, to: number] | undefined;

/** A policy that merges whole runs. */
export function runs(name: string, choose: Choice): Policy {
  return { name, open: () => new RunStore(choose) };
}

class RunStore implements SimStore {
  /** A run of any size is one layer here. */
  readonly settings: PlanSettings = {
    outputBytes: Infinity,
    upperOutputBytes: Infinity,
    mergeL0s: 4,
    mostDepth: 4,
    mostL0s: 4,
    sizeRatio: 4,
    mostInputBytes: Infinity,
    scatteredBytes: Infinity,
    mostLevels: 1,
    mostStale: Number.MAX_VALUE,
    mostStaleAtRest: Number.MAX_VALUE,
  };
  readonly #runs: SimLayer[] = [];
  readonly #choose: Choice;

  constructor(choose: Choice) {
    this.#choose = choose;
  }

  get count(): number {
    return this.#runs.length;
  }

  add(l0: SimLayer): void {
    this.#runs.push(l0);
  }

  plan(): PlannedJob | undefined {
    const chosen = this.#choose(this.#runs);
    if (chosen === undefined) return undefined;
    const inputs = this.#runs.slice(...chosen);
    // The level counts merges.
    const level = 1 + Math.max(...inputs.map((run) => run.level));
    const isOverlapping = inputs.some((run, i) => i > 0 && inputs[i - 1].edges.at(-1)! > run.edges[0]);
    return { work: isOverlapping ? "merge" : "move", inputs, level, cuts: [], isOldest: false };
  }

  commit(job: PlannedJob, outputs: readonly SimLayer[]): void {
    const from = this.#runs.indexOf(job.inputs[0] as SimLayer);
    const { firstLsn } = outputs[0], { lastLsn } = outputs[outputs.length - 1];
    // What does not overlap becomes one run without being written.
    const run = simLayer({ ...outputs[0], firstLsn, lastLsn }, addUp(outputs));
    this.#runs.splice(from, job.inputs.length, run);
  }

  depthAt(part: number): number {
    return this.#runs.filter(({ edges }) => edges[0] <= part && part < edges[edges.length - 1]).length;
  }
}
