/** The store and the timeline that a command works on. */

import { LockedError, systemClock } from "../base/mod.ts";
import { Store, type StoreOptions } from "../store/mod.ts";
import type { Timeline } from "../timeline/mod.ts";
import type { Arguments } from "./arguments.ts";
import { InterruptedError, listenForInterrupt } from "./interrupt.ts";

/** An open store and the timeline that was asked for. Dispose of it to close the store. */
export interface OpenTimeline extends AsyncDisposable {
  /** The store. */
  readonly store: Store;
  /** The timeline. */
  readonly timeline: Timeline;
}

/** How a command opens a store. */
export interface OpenTimelineOptions {
  /** The store; the first argument if left out. */
  path?: string;
  /** What may be made: what `--create` asks for (the default), whatever is missing, or nothing. */
  create?: "asked" | "missing" | "never";
  /** Whether layers are merged meanwhile; `manual`, if left out: a command that is soon over would only begin to. */
  upkeep?: StoreOptions["upkeep"];
  /** How often metrics are told to other processes, in milliseconds; never, if left out. */
  metricsMilliseconds?: number;
  /** What redoes patches where there is no `--redo`; left out, nothing does. */
  redo?: StoreOptions["redo"];
  /** Ends the wait of `--wait`; an interrupt of the user if left out. */
  signal?: AbortSignal;
}

/** How often commands that work for long tell others of it. */
export const toldMilliseconds = 1000;
/** How long it is between two looks whether a lock was given up. */
const lookMilliseconds = 50;

/**
 * Opens a store and the timeline of `--timeline` for reading: nothing is written.
 *
 * @param args What was asked.
 * @returns The open store and its timeline.
 */
export async function openForReading(args: Arguments): Promise<OpenTimeline> {
  const store = await Store.open(args.positionals[0], {
    ...ioOptions(args),
    ...redoOptions(args),
    readOnly: true,
  });
  return await withTimeline(store, args, false);
}

/**
 * Opens a store and the timeline of `--timeline` for writing, and waits for them as `--wait` asks.
 *
 * @param args What was asked.
 * @param options See {@linkcode OpenTimelineOptions}.
 * @returns The open store and its timeline.
 * @throws {InterruptedError} If the wait was ended.
 */
export async function openForWriting(
  args: Arguments,
  options: OpenTimelineOptions = {},
): Promise<OpenTimeline> {
  const isAsked = options.create === undefined || options.create === "asked";
  const create = options.create === "missing" || isAsked && args.flag("create");
  const path = options.path ?? args.positionals[0];
  const { upkeep = "manual", metricsMilliseconds, redo } = options;
  const redos = { ...redo === undefined ? {} : { redo }, ...redoOptions(args) };
  const asked = { ...ioOptions(args), ...redos, create, upkeep, metricsMilliseconds };
  const open = () => Store.open(path, asked);
  const store = await waitFor(args.milliseconds("wait") ?? 0, options.signal, open).catch((error) => {
    if (create || !isAsked || !(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(`${error.message} (--create makes one)`, { cause: error });
  });
  return await withTimeline(store, args, create);
}

/** How a store does IO, as the arguments ask. */
export function ioOptions(args: Arguments): Pick<StoreOptions, "ioMode" | "ioEngine"> {
  return {
    // What the arguments allow are the modes and engines that there are.
    ioMode: args.text("io-mode") as StoreOptions["ioMode"],
    ioEngine: args.text("io-engine") as StoreOptions["ioEngine"],
  };
}

/** What redoes patches, as the arguments ask. */
function redoOptions(args: Arguments): Pick<StoreOptions, "redo"> {
  const module = args.text("redo");
  return module === undefined ? {} : { redo: { module: moduleAt(module) } };
}

/** A module as the option takes it: a URL as it is, a path from the current directory on. */
function moduleAt(text: string): string {
  return URL.canParse(text) || text.startsWith("/") ? text : `${Deno.cwd()}/${text}`;
}

async function waitFor(
  milliseconds: number,
  signal: AbortSignal | undefined,
  open: () => Promise<Store>,
): Promise<Store> {
  if (milliseconds === 0) return await open();
  if (signal !== undefined) return await openUnlocked(milliseconds, signal, open);
  using interrupt = listenForInterrupt();
  const store = await openUnlocked(milliseconds, interrupt.signal, open);
  if (!interrupt.signal.aborted) return store;
  // It came while the store was being opened, and nobody else has heard it.
  await store.close();
  throw interrupted();
}

/** Opens a store as soon as its lock is free. */
async function openUnlocked(
  milliseconds: number,
  signal: AbortSignal,
  open: () => Promise<Store>,
): Promise<Store> {
  const end = systemClock.monotonic() + milliseconds;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      const left = end - systemClock.monotonic();
      if (!(error instanceof LockedError) || left <= 0) throw error;
      if (signal.aborted) throw interrupted();
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, lookMilliseconds)));
    }
  }
}

function interrupted(): InterruptedError {
  return new InterruptedError("Interrupted before the store was open: nothing was stored");
}

async function withTimeline(store: Store, args: Arguments, create: boolean): Promise<OpenTimeline> {
  try {
    const name = args.text("timeline") ?? "main";
    const makes = create && store.timelines().every((timeline) => timeline.name !== name);
    const timeline = makes ? await store.createTimeline(name) : store.timeline(name);
    return { store, timeline, [Symbol.asyncDispose]: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The path of a file of a store, from the store's directory on. */
export function fileIn(storePath: string, path: string): string {
  return path.startsWith(`${storePath}/`) ? path.slice(storePath.length + 1) : path;
}
