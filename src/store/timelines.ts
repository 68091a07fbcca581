/**
 * Making and deleting the timelines of a store that is open.
 *
 * ```
 *   make    horizon of the ancestor pinned ─► it is durable up to the branch LSN ─► directory ─► edit `addTimeline` ─► opened
 *   delete  reads and writes end ─► edit `dropTimeline` ─► files and directory removed, if nobody else reads them
 *           what is left of them, the next opening removes; then an edit `forgetTimeline`
 * ```
 *
 * N1  What a branch goes on from is durable, and above the horizon, before an edit names the branch; from the call on the
 *     horizon stays below it.
 * N2  A timeline that a branch goes on from, or is about to, is not deleted.
 *
 * @module
 */

import {
  belowHorizon,
  checkLsn,
  checkNames,
  type Lsn,
  LsnError,
  maxTimelineNameLength,
  ReadOnlyError,
  typeName,
  VarveError,
} from "../base/mod.ts";
import { type AncestorState, removeTimeline, type TimelineState } from "../manifest/mod.ts";
import { pin, type Timeline } from "../timeline/mod.ts";
import { whyDeleted } from "./refresher.ts";
import { mainName, newTimeline, type OpenStore, type OpenTimeline, openTimeline } from "./open_store.ts";

/** How a timeline is made. */
export interface CreateTimelineOptions {
  /** The name of the timeline that it goes on from, which makes it a branch. The default is none: it has no history. */
  ancestor?: string | undefined;
  /**
   * The branch LSN: what the ancestor has up to it, also by way of its own ancestors, is the branch's too, and the branch's
   * first LSN is above it. The default is the ancestor's last LSN at the call.
   */
  lsn?: Lsn | undefined;
}

/** Where a branch is to go on from. */
interface Origin {
  readonly from: OpenTimeline;
  readonly lsn: Lsn;
}

/** A timeline that is being made. */
interface Making {
  readonly made: Promise<Timeline>;
  readonly ancestor: string | undefined;
}

/** A timeline that is deleted. */
interface Ending {
  readonly state: TimelineState;
  /** What was open of it; `undefined` if it was made and could not be opened then. */
  readonly open?: OpenTimeline | undefined;
}

/** Makes and deletes timelines. */
export class Timelines {
  readonly #store: OpenStore;
  readonly #making = new Map<string, Making>();
  /** Those that nobody finds any more, and that the manifest has. */
  readonly #ended = new Map<string, Ending>();
  /** By id: another one may be made of the name of one whose files are still being removed. */
  readonly #deleting = new Map<number, Promise<void>>();

  /** Makes none yet. */
  constructor(store: OpenStore) {
    this.#store = store;
  }

  /** See {@linkcode Store.createTimeline}. */
  async create(name: string, options: CreateTimelineOptions): Promise<Timeline> {
    const action = "make timeline";
    checkTimelineName(action, name);
    checkCreateOptions(options);
    this.#checkWritable(`${action} "${name}"`);
    const { timelines } = this.#store, isGoing = this.#ended.has(name);
    if (timelines.has(name) || isGoing || this.#making.has(name)) {
      const why = isGoing ? "it is being deleted" : timelines.has(name) ? "there is one" : "it is being made";
      throw new Deno.errors.AlreadyExists(`Cannot make timeline "${name}": ${why}`);
    }
    const { ancestor } = options;
    const made = this.#make(name, ancestor === undefined ? undefined : this.#origin(ancestor, options.lsn));
    this.#making.set(name, { made, ancestor });
    try {
      return await made;
    } finally {
      this.#making.delete(name);
    }
  }

  #origin(name: string, asked: Lsn | undefined): Origin {
    const from = this.#store.timelines.get(name);
    if (from === undefined) throw this.#notFound(name);
    const { lastLsn } = from.writer, lsn = asked ?? lastLsn;
    if (lsn > lastLsn) {
      throw new LsnError(`Cannot branch at LSN ${lsn}: the last LSN is ${lastLsn}`, { lsn, lastLsn });
    }
    checkReadable({ from, lsn });
    return { from, lsn };
  }

  async #make(name: string, origin: Origin | undefined): Promise<Timeline> {
    const { objects, manifest } = this.#store;
    const ancestor = origin && { id: origin.from.state.id, lsn: origin.lsn };
    // One that was made and could not be opened then is opened now.
    let timeline = manifest.state.timelines.find((known) => known.name === name);
    if (timeline !== undefined && !isSame(timeline.ancestor, ancestor)) {
      throw new Deno.errors.AlreadyExists(`Cannot make timeline "${name}": there is one of another history`);
    }
    if (timeline === undefined) {
      using _pins = origin && pin(origin.from, { timeline: name, lsn: origin.lsn });
      if (origin !== undefined) await this.#settle(origin);
      timeline = newTimeline(objects.host, name, ancestor);
      await objects.prepare(timeline.id);
      await manifest.commit({ type: "addTimeline", timeline });
    }
    return await openTimeline(this.#store, timeline);
  }

  /** Sees to it that what a branch goes on from stays (N1). */
  async #settle(origin: Origin): Promise<void> {
    const { from: { writer }, lsn } = origin;
    if (writer.durableLsn < lsn) await writer.sync();
    // A move of the horizon may have been asked for before it was pinned.
    await this.#store.manifest.commit([]);
    checkReadable(origin);
  }

  /** See {@linkcode Store.deleteTimeline}. */
  async delete(name: string): Promise<void> {
    checkTimelineName("delete timeline", name);
    this.#checkWritable(`delete timeline "${name}"`);
    if (name === mainName) throw new RangeError(`Cannot delete timeline "${name}": it always exists`);
    const { timelines, ended } = this.#store, open = timelines.get(name);
    const ending = open === undefined
      ? this.#ended.get(name) ?? this.#unopened(name)
      : { state: open.state, open };
    if (ending === undefined) throw this.#notFound(name);
    const { state, state: { id } } = ending, branches = this.#branchesOf(state);
    if (branches.length > 0) {
      const names = branches.map((branch) => `"${branch}"`).join(", ");
      throw new VarveError(`Cannot delete timeline "${name}": timelines go on from it: ${names}`);
    }
    // From this turn on nobody finds it.
    if (open !== undefined) ended.add(open);
    timelines.delete(name);
    this.#ended.set(name, ending);
    const deleting = this.#deleting.get(id) ?? this.#delete(ending).finally(() => this.#deleting.delete(id));
    this.#deleting.set(id, deleting);
    await deleting;
  }

  /** One that was made and could not be opened then. */
  #unopened(name: string): Ending | undefined {
    if (this.#making.has(name)) return undefined;
    const state = this.#store.manifest.state.timelines.find((known) => known.name === name);
    return state && { state };
  }

  async #delete({ state: { id, name }, open }: Ending): Promise<void> {
    const { manifest, objects } = this.#store;
    if (open !== undefined) await end(open);
    await manifest.commit({ type: "dropTimeline", id });
    this.#ended.delete(name);
    // It is gone. What cannot be removed now is nobody's history: the next opening removes it.
    await removeTimeline(objects, id).catch(() => {});
  }

  /** The names of the timelines that go on from one, and of those that are about to (N2). */
  #branchesOf({ id, name }: TimelineState): string[] {
    const made = this.#store.manifest.state.timelines.filter(({ ancestor }) => ancestor?.id === id);
    const making = [...this.#making].filter(([, { ancestor }]) => ancestor === name);
    return [...new Set([...made.map(({ name }) => name), ...making.map(([name]) => name)])];
  }

  /** Resolves when nothing is being made or deleted any more. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#making.values()].map(({ made }) => made));
    await Promise.allSettled(this.#deleting.values());
  }

  #checkWritable(action: string): void {
    if (!this.#store.options.readOnly) return;
    throw new ReadOnlyError(`Cannot ${action}: the store is open read only`);
  }

  #notFound(name: string): Error {
    const { directory } = this.#store.objects;
    return new Deno.errors.NotFound(`Cannot find timeline "${name}" in store "${directory}"`);
  }
}

/** Ends the reads and writes of a timeline that is deleted. */
async function end({ state: { name }, views, writer }: OpenTimeline): Promise<void> {
  views.close(whyDeleted(name));
  writer.compactor.stop();
  await views.drain();
  await writer.abandon();
}

function checkReadable({ from: { writer: { horizon: { readable }, lastLsn } }, lsn }: Origin): void {
  if (lsn < readable) throw belowHorizon("branch at", lsn, lastLsn, readable);
}

function isSame(one: AncestorState | undefined, other: AncestorState | undefined): boolean {
  return one?.id === other?.id && one?.lsn === other?.lsn;
}

function checkCreateOptions(options: CreateTimelineOptions): void {
  checkNames("make timeline", options, ["ancestor", "lsn"]);
  const { ancestor, lsn } = options;
  if (ancestor !== undefined && typeof ancestor !== "string") {
    throw new TypeError(
      `Cannot make timeline: expected "ancestor" to be a name, found ${typeName(ancestor)}`,
    );
  }
  if (lsn === undefined) return;
  checkLsn(lsn);
  if (ancestor === undefined) throw new TypeError('Cannot make timeline: "lsn" is that of an "ancestor"');
}

function checkTimelineName(action: string, name: string): void {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot ${action}: expected a name, found ${typeName(name)}`);
  }
  if (name.length === 0 || name.length > maxTimelineNameLength) {
    throw new RangeError(
      `Cannot ${action}: expected a name of 1 to ${maxTimelineNameLength} characters, found ${name.length}`,
    );
  }
  if (!name.isWellFormed()) {
    throw new RangeError(`Cannot ${action}: expected a name of whole characters, found a lone surrogate`);
  }
}
