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

import { equals } from "@std/bytes";
import { blockBytes, CorruptionError, hasCode, IoError } from "../base/mod.ts";
import type { DirectAlignment, DirectSupport, IoEngine, SupportRequest } from "./engine.ts";
import { readOnce, writeOnce } from "./transfer/once.ts";

/** Asks the system what direct IO on a file needs; `undefined` if it does not say. */
export type AskAlignment = (path: string) => DirectAlignment | undefined;

/** The names of probe files, should a crash leave one. */
export const probeNamePattern: RegExp = /^probe-[0-9a-f]{32}$/;

interface Place {
  readonly engine: IoEngine;
  readonly directory: string;
  readonly ask: AskAlignment;
}

/** What was found in a place; a string says why direct IO is refused there. */
type Found = DirectAlignment | string;

/**
 * Proves what direct IO can do in a directory.
 *
 * @param engine What transfers.
 * @param directory An existing directory.
 * @param request What is wanted.
 * @param ask What the system says.
 * @returns What works. That direct IO is refused is an answer and no error.
 * @throws {IoError} If the system fails in another way: no right to write there, a failing disk. A full one is
 * no failure: the proof is then a read.
 */
export async function proveDirect(
  engine: IoEngine,
  directory: string,
  request: SupportRequest,
  ask: AskAlignment,
): Promise<DirectSupport> {
  const { write, readOnly } = request;
  const place = { engine, directory, ask };
  if (readOnly) return await proveByFile(place, write);
  try {
    return await proveByProbe(place, write);
  } catch (error) {
    if (!hasCode(error, "ENOSPC", "EDQUOT")) throw error;
    const found = await proveByFile(place, write);
    if (!found.write) return found;
    return { ...found, notes: [...found.notes, "Direct writes are not proven: the disk is full"] };
  }
}

async function proveByProbe(place: Place, write: boolean): Promise<DirectSupport> {
  const notes: string[] = [];
  for (const direct of write ? [true, false] : [false]) {
    const found = await unlessRefused(() => probe(place, direct));
    if (typeof found !== "string") return { read: true, write: direct, alignment: found, notes };
    notes.push(`Direct ${direct ? "writes" : "reads"} are refused: ${found}`);
  }
  return { read: false, write: false, alignment: { memory: 1, offset: 1 }, notes };
}

async function proveByFile(place: Place, write: boolean): Promise<DirectSupport> {
  const found = await readSomeFile(place, 1);
  if (typeof found === "string") {
    const notes = [`Direct reads are refused: ${found}`];
    return { read: false, write: false, alignment: { memory: 1, offset: 1 }, notes };
  }
  const notes = found === undefined ? [`Direct IO is not proven: "${place.directory}" holds no file`] : [];
  return { read: true, write, alignment: found ?? { memory: blockBytes, offset: blockBytes }, notes };
}

/** Reads a file in a directory, or in the directories within it. Any may be gone by the time it is opened. */
async function readSomeFile(place: Place, depth: number): Promise<Found | undefined> {
  const { engine, directory, ask } = place;
  const deeper: string[] = [];
  for (const name of await engine.list(directory)) {
    const path = `${directory}/${name}`;
    try {
      return await unlessRefused(async () => {
        await readDirectly(engine, path);
        return alignmentOf(path, ask);
      });
    } catch (error) {
      // One that is gone meanwhile, that is no file, or that cannot be read proves nothing; another may.
      if (!(error instanceof IoError)) throw error;
      if (error.code === "EISDIR" && depth > 0) deeper.push(path);
    }
  }
  for (const path of deeper) {
    const found = await readSomeFile({ ...place, directory: path }, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function probe({ engine, directory, ask }: Place, direct: boolean): Promise<Found> {
  const path = `${directory}/probe-${crypto.randomUUID().replaceAll("-", "")}`;
  const written = crypto.getRandomValues(engine.allocateMemory(blockBytes));
  try {
    const file = await engine.open(path, { access: "write", direct, create: true });
    try {
      await writeOnce(engine, file, 0, written);
    } finally {
      await engine.close(file);
    }
    const alignment = alignmentOf(path, ask);
    if (typeof alignment === "string") return alignment;
    if (equals(await readDirectly(engine, path), written)) return alignment;
    throw new CorruptionError({ path, offset: 0, expected: "the bytes just written", found: "others" });
  } finally {
    await engine.remove(path).catch((error) => {
      if (!hasCode(error, "ENOENT")) throw error;
    });
  }
}

function alignmentOf(path: string, ask: AskAlignment): Found {
  const { memory, offset } = ask(path) ?? { memory: blockBytes, offset: blockBytes };
  if (memory === 0 || offset === 0) return "statx says that the file system has none";
  if (blockBytes % memory === 0 && blockBytes % offset === 0) return { memory, offset };
  const needed = Math.max(memory, offset);
  return `statx says that it needs an alignment of ${needed} bytes, the limit is ${blockBytes}`;
}

async function unlessRefused(body: () => Promise<Found>): Promise<Found> {
  try {
    return await body();
  } catch (error) {
    if (hasCode(error, "EINVAL", "EOPNOTSUPP", "ENOTSUP")) return error.message;
    throw error;
  }
}

async function readDirectly(engine: IoEngine, path: string): Promise<Uint8Array> {
  const bytes = engine.allocateMemory(blockBytes);
  const file = await engine.open(path, { access: "read", direct: true });
  try {
    return bytes.subarray(0, await readOnce(engine, file, 0, bytes));
  } finally {
    await engine.close(file);
  }
}
