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
import { blockBytes, CorruptionError, IoError } from "../base/mod.ts";
import type { DirectAlignment, DirectSupport, IoEngine, IoFile, SupportRequest, Transfer } from "./engine.ts";

/** Asks the system what direct IO on a file needs; `undefined` if it does not say. */
export type AskAlignment = (path: string) => DirectAlignment | undefined;

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
  const proof = new Proof(engine, directory, ask);
  if (request.readOnly) return await proof.byFile(request.write);
  try {
    return await proof.byProbe(request.write);
  } catch (error) {
    if (!hasCode(error, noRoomCodes)) throw error;
    return await proof.byFile(request.write);
  }
}

/** One proof in one directory. */
class Proof {
  readonly #engine: IoEngine;
  readonly #directory: string;
  readonly #ask: AskAlignment;

  constructor(engine: IoEngine, directory: string, ask: AskAlignment) {
    this.#engine = engine;
    this.#directory = directory;
    this.#ask = ask;
  }

  async byProbe(write: boolean): Promise<DirectSupport> {
    const notes: string[] = [];
    if (write) {
      const found = await unlessRefused(() => this.#probe(true));
      if (!(found instanceof Refusal)) return { read: true, write: true, alignment: found, notes };
      notes.push(`Direct writes are refused: ${found.message}`);
    }
    const found = await unlessRefused(() => this.#probe(false));
    if (!(found instanceof Refusal)) return { read: true, write: false, alignment: found, notes };
    notes.push(`Direct reads are refused: ${found.message}`);
    return refused(notes);
  }

  async byFile(write: boolean): Promise<DirectSupport> {
    const found = await this.#readSomeFile(this.#directory, 1);
    if (found === undefined) {
      const alignment = { memory: blockBytes, offset: blockBytes };
      const notes = [`Direct IO is not proven: "${this.#directory}" holds no file`];
      return { read: true, write, alignment, notes };
    }
    if (!(found instanceof Refusal)) return { read: true, write, alignment: found, notes: [] };
    return refused([`Direct reads are refused: ${found.message}`]);
  }

  /** Reads a file in a directory, or in the directories within it. Any may be gone by the time it is opened. */
  async #readSomeFile(directory: string, depth: number): Promise<DirectAlignment | Refusal | undefined> {
    const deeper: string[] = [];
    for (const name of await this.#engine.list(directory)) {
      const path = `${directory}/${name}`;
      try {
        return await unlessRefused(async () => {
          await readDirectly(this.#engine, path);
          return this.#alignmentOf(path);
        });
      } catch (error) {
        // One that is gone meanwhile, that is no file, or that cannot be read proves nothing; another may.
        if (!(error instanceof IoError)) throw error;
        if (hasCode(error, ["EISDIR"]) && depth > 0) deeper.push(path);
      }
    }
    for (const path of deeper) {
      const found = await this.#readSomeFile(path, depth - 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #probe(directWrite: boolean): Promise<DirectAlignment> {
    const path = `${this.#directory}/probe-${crypto.randomUUID().replaceAll("-", "")}`;
    try {
      const written = await writeProbe(this.#engine, path, directWrite);
      const alignment = this.#alignmentOf(path);
      if (!equals(await readDirectly(this.#engine, path), written)) throw changedError(path);
      return alignment;
    } finally {
      await removeProbe(this.#engine, path);
    }
  }

  #alignmentOf(path: string): DirectAlignment {
    const said = this.#ask(path);
    if (said === undefined) return { memory: blockBytes, offset: blockBytes };
    if (said.memory === 0 || said.offset === 0) throw new Refusal("statx says that the file system has none");
    if (blockBytes % said.memory === 0 && blockBytes % said.offset === 0) return said;
    const needed = Math.max(said.memory, said.offset);
    throw new Refusal(`statx says that it needs an alignment of ${needed} bytes, the limit is ${blockBytes}`);
  }
}

function refused(notes: readonly string[]): DirectSupport {
  return { read: false, write: false, alignment: noAlignment, notes };
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

async function removeProbe(engine: IoEngine, path: string): Promise<void> {
  try {
    await engine.remove(path);
  } catch (error) {
    if (!hasCode(error, ["ENOENT"])) throw error;
  }
}

function changedError(path: string): CorruptionError {
  return new CorruptionError({ path, offset: 0, expected: "the bytes just written", found: "others" });
}
