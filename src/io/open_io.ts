/**
 * Chooses how a store does its IO: which engine, and what of it is direct. What was asked for and what was
 * obtained stand side by side in the report; nothing is given up silently.
 *
 * ```
 *   asked "auto":  uring ──► threads ──► node        asked "direct-rw":  direct-rw ──► direct ──► buffered
 *                        └ its reason goes into notes                              └ its reason goes into notes
 * ```
 *
 * @module
 */

import { blockBytes, DirectIoError, typeName } from "../base/mod.ts";
import { type DirectProof, proveDirect } from "./alignment.ts";
import { chooseEngine, type ChosenEngine, type EngineChoice } from "./choose_engine.ts";
import type { EngineName, IoEngine } from "./engine.ts";

/**
 * What bypasses the page cache: `"buffered"` nothing, `"direct"` reads, `"direct-rw"` reads and writes.
 */
export type IoMode = "buffered" | "direct" | "direct-rw";

/** How to do IO. */
export interface IoOptions {
  /** What bypasses the page cache. The default is `"direct-rw"`. */
  ioMode?: IoMode;
  /**
   * The engine, or `"auto"`, the default: the first of `uring`, `threads` and `node` that works. One that is
   * passed in is used as it is and never shut down.
   */
  ioEngine?: EngineChoice | IoEngine;
  /** Whether it is an error not to obtain the mode, or the engine if one was named. The default is `false`. */
  strict?: boolean;
  /** Whether nothing may be written. The default is `false`. */
  readOnly?: boolean;
}

/** What was asked for and what was obtained. */
export interface IoReport {
  /** The mode that was obtained. */
  readonly mode: IoMode;
  /** The engine that was obtained. */
  readonly engine: EngineName;
  /** The mode that was asked for. */
  readonly requestedMode: IoMode;
  /** The engine that was asked for. */
  readonly requestedEngine: string;
  /** What the address of memory must be a multiple of for direct IO, in bytes; 1 if nothing is direct. */
  readonly memoryAlignment: number;
  /** What offsets and lengths must be a multiple of for direct IO, in bytes; 1 if nothing is direct. */
  readonly offsetAlignment: number;
  /** What was given up or not proven, and why. */
  readonly notes: readonly string[];
}

/** An engine, and how it is to be used in one directory. */
export interface Io {
  /** The engine. */
  readonly engine: IoEngine;
  /** What was asked for and what was obtained. */
  readonly report: IoReport;
  /** Whether files are read directly. */
  readonly readDirect: boolean;
  /** Whether files are written directly. */
  readonly writeDirect: boolean;
  /** Whether whoever opened this shuts the engine down. */
  readonly ownsEngine: boolean;
}

const modes: readonly IoMode[] = ["buffered", "direct", "direct-rw"];
const engineChoices: readonly EngineChoice[] = ["auto", "uring", "threads", "node"];
const wholeBlocks = { memory: blockBytes, offset: blockBytes };
const anyBytes = { memory: 1, offset: 1 };

interface Request {
  readonly mode: IoMode;
  readonly engine: EngineChoice | IoEngine;
  readonly strict: boolean;
  readonly readOnly: boolean;
}

/**
 * Opens IO for the files of one directory.
 *
 * @param directory An existing directory.
 * @param options What is wanted.
 * @returns The engine, and how to use it. If `ownsEngine`, the caller shuts it down.
 * @throws {TypeError} If an option has the wrong type.
 * @throws {RangeError} If an option has a value that does not exist.
 * @throws {DirectIoError} If `strict` and what was asked for cannot be had.
 * @throws {IoError} If the directory is missing or unreadable.
 * @throws {Deno.errors.NotCapable} If the directory is not granted.
 */
export async function openIo(directory: string, options: IoOptions = {}): Promise<Io> {
  const request = checkOptions(options);
  const ownsEngine = typeof request.engine === "string";
  const chosen = await obtainEngine(request);
  try {
    await chosen.engine.list(directory);
    const proof = await prove(directory, request, chosen);
    const report = reportOf(directory, request, chosen, proof);
    return { engine: chosen.engine, report, readDirect: proof.read, writeDirect: proof.write, ownsEngine };
  } catch (error) {
    if (ownsEngine) await chosen.engine.shutdown();
    throw error;
  }
}

async function obtainEngine({ engine, strict }: Request): Promise<ChosenEngine> {
  if (typeof engine === "string") return await chooseEngine(engine, strict);
  return { engine, libc: undefined, notes: [] };
}

async function prove(directory: string, request: Request, chosen: ChosenEngine): Promise<DirectProof> {
  const { mode, readOnly } = request;
  const write = mode === "direct-rw";
  if (mode === "buffered") return { read: false, write: false, alignment: anyBytes, notes: [] };
  // A simulated engine has no directory of the system's to prove anything in, and counts what is asked of it.
  if (chosen.engine.name === "sim") return { read: true, write, alignment: wholeBlocks, notes: [] };
  return await proveDirect(chosen.engine, { directory, write, readOnly, libc: chosen.libc });
}

function reportOf(directory: string, request: Request, chosen: ChosenEngine, proof: DirectProof): IoReport {
  const mode = proof.write ? "direct-rw" : proof.read ? "direct" : "buffered";
  if (request.strict && mode !== request.mode) {
    const reason = proof.notes.join("; ");
    throw new DirectIoError(`Cannot use IO mode "${request.mode}" in "${directory}": ${reason}`);
  }
  return {
    mode,
    engine: chosen.engine.name,
    requestedMode: request.mode,
    requestedEngine: typeof request.engine === "string" ? request.engine : request.engine.name,
    memoryAlignment: proof.alignment.memory,
    offsetAlignment: proof.alignment.offset,
    notes: [...chosen.notes, ...proof.notes],
  };
}

function checkOptions(options: IoOptions): Request {
  const { ioMode = "direct-rw", ioEngine = "auto", strict = false, readOnly = false } = options;
  checkName("ioMode", ioMode, modes);
  if (!isEngine(ioEngine)) checkName("ioEngine", ioEngine, engineChoices);
  checkBoolean("strict", strict);
  checkBoolean("readOnly", readOnly);
  return { mode: ioMode, engine: ioEngine, strict, readOnly };
}

function checkName(option: string, value: string, names: readonly string[]): void {
  if (typeof value !== "string") {
    throw new TypeError(`Cannot use option "${option}": expected a string, found ${typeName(value)}`);
  }
  if (names.includes(value)) return;
  throw new RangeError(
    `Cannot use option "${option}": expected one of ${names.join(", ")}, found "${value}"`,
  );
}

function checkBoolean(option: string, value: unknown): void {
  if (typeof value === "boolean") return;
  throw new TypeError(`Cannot use option "${option}": expected a boolean, found ${typeName(value)}`);
}

function isEngine(value: EngineChoice | IoEngine): value is IoEngine {
  return typeof value === "object" && value !== null && typeof value.read === "function";
}
