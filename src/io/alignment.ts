/**
 * Finds whether direct IO works in a directory, and at which alignment: `statx` where it answers, then one real
 * aligned transfer as proof, because a file system may take O_DIRECT at open and refuse it at transfer, or may
 * not answer `statx` and work all the same.
 *
 * ```
 *   writable:   probe file ─ statx ─ direct write ─ direct read ─ same bytes?
 *               where direct writes are refused or not wanted: buffered write ─ direct read ─ same bytes?
 *   read only:  a file that is there ─ statx ─ direct read
 * ```
 *
 * @module
 */

import { blockBytes, CorruptionError, IoError } from "../base/mod.ts";
import type { IoEngine, IoFile, Transfer } from "./engine.ts";
import type { LibcCalls } from "./libc.ts";
import { type DirectAlignment, statxAlignment } from "./statx.ts";

/** What direct IO can do in a directory. */
export interface DirectProof {
  /** Whether direct reads work. */
  readonly read: boolean;
  /** Whether direct writes work, if they were wanted. */
  readonly write: boolean;
  /** What direct transfers need in bytes: 4096 where the system does not say, 1 where there are none. */
  readonly alignment: DirectAlignment;
  /** What could not be had or not be proven, and why. */
  readonly notes: readonly string[];
}

/** Where and what to prove. */
export interface ProofOptions {
  /** An existing directory. */
  directory: string;
  /** Whether direct writes are wanted too. */
  write: boolean;
  /** Whether nothing may be written. */
  readOnly: boolean;
  /** The C library, if there is one: `statx` is asked. */
  libc: LibcCalls | undefined;
}

/** The names of probe files, should a crash leave one. */
export const probeNamePattern: RegExp = /^probe-[0-9a-f]{32}$/;

const noAlignment: DirectAlignment = { memory: 1, offset: 1 };
const refusalCodes: readonly string[] = ["EINVAL", "EOPNOTSUPP", "ENOTSUP"];
const noRoomCodes: readonly string[] = ["ENOSPC", "EDQUOT"];

/** Says that the system has no direct IO here. */
class Refusal extends Error {}

/**
 * Proves what direct IO can do in a directory.
 *
 * @param engine What transfers.
 * @param options Where, and what is wanted.
 * @returns What works. That direct IO is refused is an answer and no error.
 * @throws {IoError} If the system fails in another way: no right to write there, a failing disk. A full one is
 * no failure: the proof is then a read.
 */
export async function proveDirect(engine: IoEngine, options: ProofOptions): Promise<DirectProof> {
  if (options.readOnly) return await proveByFile(engine, options);
  try {
    return await proveByProbe(engine, options);
  } catch (error) {
    if (!hasCode(error, noRoomCodes)) throw error;
    return await proveByFile(engine, options);
  }
}

async function proveByProbe(engine: IoEngine, options: ProofOptions): Promise<DirectProof> {
  const notes: string[] = [];
  if (options.write) {
    const found = await unlessRefused(() => probe(engine, options, true));
    if (!(found instanceof Refusal)) return { read: true, write: true, alignment: found, notes };
    notes.push(`Direct writes are refused: ${found.message}`);
  }
  const found = await unlessRefused(() => probe(engine, options, false));
  if (!(found instanceof Refusal)) return { read: true, write: false, alignment: found, notes };
  notes.push(`Direct reads are refused: ${found.message}`);
  return refused(notes);
}

async function proveByFile(engine: IoEngine, options: ProofOptions): Promise<DirectProof> {
  const { write, libc, directory } = options;
  for await (const path of files(directory, 1)) {
    try {
      const found = await unlessRefused(() => proveRead(engine, path, libc));
      if (!(found instanceof Refusal)) return { read: true, write, alignment: found, notes: [] };
      return refused([`Direct reads are refused: ${found.message}`]);
    } catch (error) {
      if (!hasCode(error, ["ENOENT"])) throw error;
    }
  }
  const alignment = { memory: blockBytes, offset: blockBytes };
  return { read: true, write, alignment, notes: [`Direct IO is not proven: "${directory}" holds no file`] };
}

async function proveRead(
  engine: IoEngine,
  path: string,
  libc: LibcCalls | undefined,
): Promise<DirectAlignment> {
  await readDirectly(engine, path);
  return alignmentOf(libc, path);
}

function refused(notes: readonly string[]): DirectProof {
  return { read: false, write: false, alignment: noAlignment, notes };
}

/** The files in a directory, then those in the directories within it. One may be gone by the time it is opened. */
async function* files(directory: string, depth: number): AsyncGenerator<string> {
  const deeper: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(directory)) {
    if (isFile) yield `${directory}/${name}`;
    if (isDirectory && depth > 0) deeper.push(`${directory}/${name}`);
  }
  for (const path of deeper) yield* files(path, depth - 1);
}

async function unlessRefused(body: () => Promise<DirectAlignment>): Promise<DirectAlignment | Refusal> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof Refusal) return error;
    if (error instanceof IoError && hasCode(error, refusalCodes)) return new Refusal(error.message);
    throw error;
  }
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof IoError && codes.includes(error.code);
}

async function probe(
  engine: IoEngine,
  options: ProofOptions,
  directWrite: boolean,
): Promise<DirectAlignment> {
  const path = `${options.directory}/probe-${crypto.randomUUID().replaceAll("-", "")}`;
  try {
    const written = await writeProbe(engine, path, directWrite);
    const alignment = alignmentOf(options.libc, path);
    const read = await readDirectly(engine, path);
    if (!sameBytes(read, written)) throw changedError(path);
    return alignment;
  } finally {
    await removeIfThere(engine, path);
  }
}

async function writeProbe(engine: IoEngine, path: string, direct: boolean): Promise<Uint8Array> {
  const bytes = crypto.getRandomValues(engine.allocateMemory(blockBytes));
  const file = await engine.open(path, { access: "write", direct, create: true });
  try {
    await transferOne(bytes, file, (batch) => engine.write(batch));
    return bytes;
  } finally {
    await engine.close(file);
  }
}

async function readDirectly(engine: IoEngine, path: string): Promise<Uint8Array> {
  const bytes = engine.allocateMemory(blockBytes);
  const file = await engine.open(path, { access: "read", direct: true });
  try {
    const done = await transferOne(bytes, file, (batch) => engine.read(batch));
    return bytes.subarray(0, done);
  } finally {
    await engine.close(file);
  }
}

async function transferOne(
  bytes: Uint8Array,
  file: IoFile,
  run: (batch: Transfer[]) => Promise<void>,
): Promise<number> {
  const transfer: Transfer = { file, offset: 0, bytes, done: 0, error: undefined };
  await run([transfer]);
  if (transfer.error !== undefined) throw transfer.error;
  return transfer.done;
}

function alignmentOf(libc: LibcCalls | undefined, path: string): DirectAlignment {
  const said = libc === undefined ? undefined : statxAlignment(libc, path);
  if (said === undefined) return { memory: blockBytes, offset: blockBytes };
  if (said.memory === 0 || said.offset === 0) throw new Refusal("statx says that the file system has none");
  const needed = Math.max(said.memory, said.offset);
  if (blockBytes % said.memory === 0 && blockBytes % said.offset === 0) return said;
  throw new Refusal(`statx says that it needs an alignment of ${needed} bytes, the limit is ${blockBytes}`);
}

async function removeIfThere(engine: IoEngine, path: string): Promise<void> {
  try {
    await engine.remove(path);
  } catch (error) {
    if (!hasCode(error, ["ENOENT"])) throw error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function changedError(path: string): CorruptionError {
  return new CorruptionError({ path, offset: 0, expected: "the bytes just written", found: "others" });
}
