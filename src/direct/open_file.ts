/**
 * Opening a file: locked, cut to the length that its owner recorded, given room, and made durable before it is trusted.
 *
 * @module
 */

import { CorruptionError, hasCode } from "../base/mod.ts";
import { directoryOf, type Io, type IoFile, openIo } from "../io/mod.ts";
import type { DirectFileOptions } from "./options.ts";

/** A file that was opened. */
export interface OpenedFile {
  /** Its path. */
  readonly path: string;
  /** How IO is done. */
  readonly io: Io;
  /** What is read from. */
  readonly reader: IoFile;
  /** What is written to; `undefined` if nothing may be written. */
  readonly target: IoFile | undefined;
  /** Its length, which is durable. */
  readonly length: number;
  /** Up to where room is reserved; 0 if none is. */
  readonly reserved: number;
  /** What is given up in the opposite order: the engine, the lock, the files. */
  readonly held: AsyncDisposableStack;
}

/** Opens a file; its options were checked. What was opened is closed again if it fails. */
export async function openFile(path: string, options: DirectFileOptions): Promise<OpenedFile> {
  const { readOnly = false, create = true, preallocateBytes = 0 } = options;
  const io = await openIo(directoryOf(path), { ...options, readOnly });
  const { engine } = io;
  await using held = new AsyncDisposableStack();
  if (io.ownsEngine) held.defer(() => engine.shutdown());
  const target = readOnly ? undefined : await openTarget(io, path, create);
  if (target !== undefined) {
    held.defer(() => engine.close(target));
    // Two writers would destroy each other's blocks.
    const lock = await engine.lock(path);
    held.defer(() => lock.release());
  }
  const reader = await engine.open(path, { access: "read", direct: io.readDirect });
  held.defer(() => engine.close(reader));
  const size = await engine.size(reader), length = options.length ?? size;
  checkLength(path, length, size);
  if (target !== undefined && length < size) await engine.truncate(target, length);
  const reserved = target === undefined ? 0 : await reserve(io, target, length, preallocateBytes);
  // Whoever wrote what is there may have been killed before it was durable.
  await engine.sync(target ?? reader);
  if (target !== undefined) await engine.syncDirectory(directoryOf(path));
  return { path, io, reader, target, length, reserved, held: held.move() };
}

/** What the owner recorded as durable and is not there was lost. */
function checkLength(path: string, length: number, size: number): void {
  if (length <= size) return;
  const expected = `${length} bytes, which its owner recorded`, found = "the end of the file";
  throw new CorruptionError({ path, offset: size, expected, found });
}

/** Reserves the first room; returns up to where, or 0 where none can be reserved, so that none is asked for later. */
async function reserve({ engine }: Io, target: IoFile, length: number, bytes: number): Promise<number> {
  if (bytes === 0) return 0;
  return await engine.allocate(target, length + bytes) ? length + bytes : 0;
}

async function openTarget(io: Io, path: string, create: boolean): Promise<IoFile> {
  const options = { access: "write", direct: io.writeDirect } as const;
  try {
    return await io.engine.open(path, options);
  } catch (error) {
    if (!create || !hasCode(error, "ENOENT")) throw error;
    return await io.engine.open(path, { ...options, create: true });
  }
}
