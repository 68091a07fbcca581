/**
 * What exists after edits.
 *
 * @module
 */

import { AssertionError } from "../base/mod.ts";
import type { Edit } from "./edit.ts";
import { checkTimeline, type Fault, isWord, shared, type StoreState, type TimelineState } from "./state.ts";
import { TimelineDraft } from "./timeline_draft.ts";

/**
 * Returns what exists after edits. It is pure: `state` is left as it is, and what the edits leave alone is shared. What
 * the edits come to is checked, and not all that lies between.
 *
 * @param state What exists.
 * @param edits What changes, in this order.
 * @param fault Makes what is thrown if an edit does not fit; by default an `AssertionError`: whoever made it is wrong.
 * @returns What exists then.
 */
export function apply(state: StoreState, edits: Edit | readonly Edit[], fault: Fault = ourBug): StoreState {
  const changes = editsOf(edits);
  const timelines: Timelines = new Map(state.timelines.map((timeline) => [timeline.id, timeline]));
  let { generation } = state;
  for (const edit of changes) {
    if (edit.type !== "generation") changeTimelines(timelines, edit, fault);
    else if (isWord(edit.generation) && edit.generation > generation) generation = edit.generation;
    else throw fault(`generation ${edit.generation}`);
  }
  const next = Array.from(timelines.values(), (each) => each instanceof TimelineDraft ? each.finish() : each);
  const hasNewNames = changes.some((edit) => edit.type === "addTimeline");
  if (hasNewNames && new Set(next.map(({ name }) => name)).size < next.length) throw fault("a name twice");
  return { ...state, generation, timelines: shared(state.timelines, next) };
}

/** Timelines by id, in the order of their making. */
type Timelines = Map<number, TimelineState | TimelineDraft>;

function changeTimelines(
  timelines: Timelines,
  edit: Exclude<Edit, { type: "generation" }>,
  fault: Fault,
): void {
  const id = edit.type === "addTimeline" ? edit.timeline.id : edit.id, found = timelines.get(id);
  if (edit.type === "addTimeline") {
    if (found !== undefined) throw fault(`timeline ${id} again`);
    checkTimeline(edit.timeline, fault);
    timelines.set(id, edit.timeline);
    return;
  }
  if (found === undefined) throw fault(`timeline ${id}, which is not there`);
  const draft = found instanceof TimelineDraft ? found : new TimelineDraft(found, fault);
  timelines.set(id, draft);
  if (edit.type === "dropTimeline") timelines.delete(id);
  else draft.take(edit);
}

/** One edit or several, as several. */
export function editsOf(edits: Edit | readonly Edit[]): readonly Edit[] {
  return "type" in edits ? [edits] : edits;
}

function ourBug(words: string): AssertionError {
  return new AssertionError(`an edit brings ${words}`);
}
