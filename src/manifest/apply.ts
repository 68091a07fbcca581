/**
 * What exists after edits.
 *
 * @module
 */

import { assert } from "../base/mod.ts";
import type { Edit } from "./edit.ts";
import { isGeneration, type StoreState, timelineFault, type TimelineState } from "./state.ts";
import { TimelineDraft } from "./timeline_draft.ts";

/**
 * Returns what exists after edits. It is pure: `state` is left as it is, and what the edits leave alone is shared.
 *
 * @param state What exists.
 * @param edits What changes, in this order.
 * @returns What exists then.
 * @throws {AssertionError} If an edit does not fit, which is a bug of whoever made it.
 */
export function apply(state: StoreState, edits: Edit | readonly Edit[]): StoreState {
  const draft = new StateDraft(state);
  for (const edit of editsOf(edits)) {
    const objection = draft.take(edit);
    assert(objection === undefined, `an edit "${edit.type}" brings ${objection}`);
  }
  const next = draft.finish();
  assert(typeof next !== "string", `edits bring ${next}`);
  return next;
}

/** One edit or several, as several. */
export function editsOf(edits: Edit | readonly Edit[]): readonly Edit[] {
  return "type" in edits ? [edits] : edits;
}

/** Lookups by a walk over all timelines before an index over them is worth its making. */
const fewLookups = 4;

/** The next state, while edits are applied: it bears what the edits one by one would bear. */
export class StateDraft {
  readonly #base: StoreState;
  /** Timelines of the base that were edited, by id. */
  readonly #edited = new Map<number, TimelineDraft>();
  /** Timelines of the base that were dropped. */
  readonly #dropped = new Set<number>();
  /** Timelines that were added, by id. */
  readonly #added = new Map<number, TimelineDraft>();
  /** The names that are taken, once one is added. */
  #names: Set<string> | undefined;
  #byId: Map<number, TimelineState> | undefined;
  #lookups = 0;
  #generation: number;

  /** Starts from what exists. */
  constructor(base: StoreState) {
    this.#base = base;
    this.#generation = base.generation;
  }

  /**
   * Applies an edit.
   *
   * @returns Why it does not fit, in words; this draft is of no use then.
   */
  take(edit: Edit): string | undefined {
    if (edit.type === "generation") return this.#raise(edit.generation);
    if (edit.type === "addTimeline") return this.#add(edit.timeline);
    const draft = this.#draftOf(edit.id);
    if (draft === undefined) return `timeline ${edit.id}, which is not there`;
    if (edit.type !== "dropTimeline") return draft.take(edit);
    if (!this.#added.delete(edit.id)) this.#dropped.add(edit.id);
    this.#names?.delete(draft.name);
    return undefined;
  }

  /** Returns what exists as the edits leave it, or in words why one of them did not fit. */
  finish(): StoreState | string {
    const base = this.#base, generation = this.#generation;
    if (this.#edited.size + this.#added.size === 0) return { ...base, generation };
    const timelines: TimelineState[] = [];
    for (const timeline of base.timelines) {
      if (this.#dropped.has(timeline.id)) continue;
      const next = this.#edited.get(timeline.id)?.finish() ?? timeline;
      if (typeof next === "string") return next;
      timelines.push(next);
    }
    for (const draft of this.#added.values()) {
      const next = draft.finish();
      if (typeof next === "string") return next;
      timelines.push(next);
    }
    return { ...base, generation, timelines };
  }

  #raise(generation: number): string | undefined {
    if (!isGeneration(generation) || generation <= this.#generation) return `generation ${generation}`;
    this.#generation = generation;
    return undefined;
  }

  #add(timeline: TimelineState): string | undefined {
    const { id, name } = timeline;
    const fault = timelineFault(timeline);
    if (fault !== undefined) return fault;
    if (this.#draftOf(id) !== undefined) return `timeline ${id} again`;
    this.#names ??= new Set(
      this.#base.timelines.filter((other) => !this.#dropped.has(other.id)).map((other) => other.name),
    );
    if (this.#names.has(name)) return `a second timeline "${name}"`;
    this.#names.add(name);
    this.#added.set(id, new TimelineDraft(timeline));
    return undefined;
  }

  #draftOf(id: number): TimelineDraft | undefined {
    const known = this.#added.get(id) ?? (this.#dropped.has(id) ? undefined : this.#edited.get(id));
    if (known !== undefined || this.#dropped.has(id)) return known;
    const timeline = this.#find(id);
    if (timeline === undefined) return undefined;
    const draft = new TimelineDraft(timeline);
    this.#edited.set(id, draft);
    return draft;
  }

  /** A timeline of the base. */
  #find(id: number): TimelineState | undefined {
    const { timelines } = this.#base;
    if (this.#byId === undefined && this.#lookups++ < fewLookups) {
      return timelines.find((timeline) => timeline.id === id);
    }
    this.#byId ??= new Map(timelines.map((timeline) => [timeline.id, timeline]));
    return this.#byId.get(id);
  }
}
