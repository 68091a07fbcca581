/**
 * What there is to do with the layers of a timeline as they are now, and which of them are damaged.
 *
 * B1  A damaged layer is no input of a job that is planned, until somebody wants it tried again.
 * B2  A plan is kept as long as nobody says that something has changed: asking again costs nothing.
 *
 * @module
 */

import { CorruptionError, type Lsn } from "../../base/mod.ts";
import type { TimelineLayers } from "../write/timeline_layers.ts";
import {
  type PlannedJob,
  type PlanSettings,
  planSettingsFor,
  type UpkeepPlan,
} from "./plan/planned_layer.ts";
import { planUpkeep } from "./plan/plan_upkeep.ts";
import { hasRoom } from "./plan/room.ts";

const nothing: UpkeepPlan = { job: undefined, debt: 0, pressure: 0 };

/** Plans with the layers that there are. */
export class Planner {
  /** What is to be reached. */
  readonly settings: PlanSettings;
  readonly #layers: Pick<TimelineLayers, "levelled" | "unsealed">;
  readonly #horizon: () => Lsn;
  /** Left out, nobody has asked since something changed. */
  #plan: UpkeepPlan | undefined;
  /** By sequence, inputs that are damaged. */
  readonly #damaged = new Map<number, CorruptionError>();
  /** Why the manifest gives no plan. */
  #disorder: CorruptionError | undefined;

  /**
   * Plans nothing yet.
   *
   * @param segmentBytes The size of a segment.
   * @param layers The layers.
   * @param horizon Below which LSN versions may go.
   */
  constructor(
    segmentBytes: number,
    layers: Pick<TimelineLayers, "levelled" | "unsealed">,
    horizon: () => Lsn,
  ) {
    this.settings = planSettingsFor(segmentBytes);
    this.#layers = layers;
    this.#horizon = horizon;
  }

  /** Takes note that layers, or something else that a plan follows from, may have changed. */
  changed(): void {
    this.#plan = undefined;
  }

  /** What is planned: nothing if the manifest is in disorder. */
  get plan(): UpkeepPlan {
    if (this.#plan !== undefined) return this.#plan;
    this.#forgetGone();
    try {
      return this.#plan = this.#planned(undefined);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#disorder = error;
      return this.#plan = nothing;
    }
  }

  /** The next job of those that find room for what they write, if there is one. */
  jobWithin(roomBytes: number): PlannedJob | undefined {
    const { job } = this.plan;
    const isWithin = job === undefined ||
      hasRoom(job, { ...this.settings, horizon: this.#horizon(), roomBytes });
    return isWithin ? job : this.#planned(roomBytes).job;
  }

  #planned(roomBytes: number | undefined): UpkeepPlan {
    const { levelled } = this.#layers;
    const blocked = levelled.storedOf([...this.#damaged.keys()].map((sequence) => ({ sequence })));
    const leftOut = blocked.map(({ layer }) => layer);
    const horizon = this.#horizon() || undefined, isAtRest = this.#layers.unsealed.length === 0;
    return planUpkeep(levelled.levels, { ...this.settings, horizon, isAtRest, roomBytes }, { leftOut });
  }

  /** Whether there is a job to do, or a layer to forget. */
  get hasWork(): boolean {
    return this.plan.job !== undefined || this.#layers.levelled.spent().length > 0;
  }

  /** Layers at level 0; none is known of if the manifest is in disorder. */
  get level0Count(): number {
    return this.#disorder === undefined ? this.#layers.levelled.levels.l0s.length : 0;
  }

  /** Why layers are left alone. */
  get damaged(): CorruptionError[] {
    const damaged = new Set(this.#damaged.values());
    if (this.#disorder !== undefined) damaged.add(this.#disorder);
    return [...damaged];
  }

  /** Takes in the damaged input of a job no more (B1); all of them, if it cannot be told which it is. */
  leaveOut({ inputs }: PlannedJob, error: CorruptionError): void {
    const stored = this.#layers.levelled.storedOf(inputs);
    const found = stored.filter(({ stored: { object } }) => object.path === error.path);
    for (const { layer } of found.length > 0 ? found : stored) this.#damaged.set(layer.sequence, error);
  }

  /** A job that was begun before an input was left out may have taken it in all the same. */
  #forgetGone(): void {
    for (const sequence of this.#damaged.keys()) {
      if (this.#layers.levelled.levelOf(sequence) === undefined) this.#damaged.delete(sequence);
    }
  }

  /** Takes for sound again what was damaged. */
  tryAgain(): void {
    this.#damaged.clear();
    this.#disorder = undefined;
  }
}
