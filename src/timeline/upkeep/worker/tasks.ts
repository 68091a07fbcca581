/**
 * The jobs of a Worker, each with objects of its own: when it ends nothing of it is open, so that what the main thread
 * removes then gives back its room. Memory is used again by the next job, as long as the Worker runs: what each took and
 * left to the garbage collector had been some 60 MiB.
 *
 * @module
 */

import { Health } from "../../../base/mod.ts";
import type { Host, PathLock } from "../../../io/mod.ts";
import {
  FrozenIndex,
  type LayerDescription,
  memoryCursor,
  sortIndex,
  StoredLayer,
  writeLayer,
} from "../../../layer/mod.ts";
import type { LevelledLayer } from "../../../manifest/mod.ts";
import { ObjectBuffers, Objects } from "../../../objects/mod.ts";
import type { Redoer } from "../../redo/redo.ts";
import { mergeLayers, type MergeWork } from "../merge/merge_layers.ts";
import { MergeWindows } from "../merge/merge_windows.ts";
import type { MergeTask, SealTask, Task, UpkeepSetup } from "./protocol.ts";

/** Pages that are used again while one merge goes on, and files that it keeps open. */
const cacheBytes = 1024 * 1024, openFiles = 64;

/** Says that patches cannot be redone here. */
export class CannotRedo extends Error {
  /** The name of the class. */
  override name = "CannotRedo";
}

/** What tasks are done with. */
export interface TaskWorld {
  /** The outside world. */
  readonly host: Host;
  /** Which store it is. */
  readonly setup: UpkeepSetup;
  /** Tells whether its path still leads there. */
  readonly lock: PathLock;
  /** What makes values of patches, or why nothing does. */
  readonly redo: Redoer | Error;
  /** Buffers of all tasks. */
  readonly buffers: ObjectBuffers;
  /** Windows of merges. */
  readonly windows: MergeWindows;
}

/** Makes what tasks are done with. */
export function taskWorld(host: Host, setup: UpkeepSetup, lock: PathLock, redo: Redoer | Error): TaskWorld {
  return {
    host,
    setup,
    lock,
    redo,
    buffers: new ObjectBuffers(host.engine),
    windows: new MergeWindows(true),
  };
}

/**
 * Does a task.
 *
 * @param world What it is done with.
 * @param task What is to be done.
 * @param work What only the main thread can do, for a merge.
 * @returns The layers that came of it, durable.
 */
export async function doTask(
  world: TaskWorld,
  task: Task,
  work: Pick<MergeWork, "reserve" | "check" | "copied" | "noted">,
): Promise<LevelledLayer[]> {
  const { host, setup: { directory, io }, lock, buffers } = world;
  const objects = new Objects({ host, io, directory, lock, cacheBytes, openFiles, buffers });
  try {
    return task.type === "seal"
      ? [{ ...await seal(objects, task), level: 0 }]
      : await merge(objects, world, task, work);
  } finally {
    await objects.close();
  }
}

async function seal(
  objects: Objects,
  { id, position, identity, columns }: SealTask,
): Promise<LayerDescription> {
  const health = new Health(`"${id}"`), { turns } = objects.host;
  // The main thread waits for a disk with room, and asks for all of it again.
  health.watch(() => {
    if (health.state === "full") health.close();
  });
  const writer = objects.reopen(id, position, { health, reserveBytes: 0 }), index = new FrozenIndex(columns);
  try {
    await sortIndex(index, turns);
    const layer = await writeLayer(memoryCursor(index), writer, identity, { turns });
    await writer.finish();
    return layer;
  } finally {
    await writer.abort();
    index.giveUp();
  }
}

function merge(
  objects: Objects,
  { redo, windows }: TaskWorld,
  { layers, storeId, timeline, generation, order, mustRedo }: MergeTask,
  work: Pick<MergeWork, "reserve" | "check" | "copied" | "noted">,
): Promise<LevelledLayer[]> {
  if (mustRedo && redo instanceof Error) throw new CannotRedo(redo.message);
  const redoer = redo instanceof Error ? undefined : redo;
  const context = { host: objects.host, objects, storeId, id: timeline, generation, redoer, windows };
  const inputs = layers.map((layer) => StoredLayer.of(objects, timeline, layer));
  const copied = (bytes: number, heldBytes: number) => work.copied(bytes, heldBytes + memoryOf(objects));
  return mergeLayers(context, inputs, { ...order, ...work, copied });
}

/** The bytes of buffers, taken or free, and of pages, which on the main thread are counted with those of the store. */
function memoryOf(objects: Objects): number {
  const { writeBufferBytes, readBufferBytes, cachePageBytes, cacheRecordBytes } = objects.memory();
  return writeBufferBytes + readBufferBytes + cachePageBytes + cacheRecordBytes;
}
