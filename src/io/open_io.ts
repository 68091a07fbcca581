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

import { DirectIoError, typeName } from "../base/mod.ts";
import { chooseEngine, type EngineChoice, type OpenEngine } from "./choose_engine.ts";
import type { DirectSupport, EngineName, IoEngine } from "./engine.ts";

/**
 * What bypasses the page cache: `"buffered"` nothing, `"direct"` reads, `"direct-rw"` reads and writes.
 */
export type IoMode = "buffered" | "direct" | "direct-rw";

/** How to do IO. */
export interface IoOptions {
  /** What bypasses the page cache. The default is `"direct-rw"`. */
  ioMode?: IoMode | undefined;
  /**
   * The engine, or `"auto"`, the default: the first of `uring`, `threads` and `node` that works. One that is
   * passed in is used as it is and never shut down.
   */
  ioEngine?: EngineChoice | IoEngine | undefined;
  /** Whether it is an error not to obtain the mode, or the engine if one was named. The default is `false`. */
  strict?: boolean | undefined;
  /** Whether nothing may be written. The default is `false`. */
  readOnly?: boolean | undefined;
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
  readonly requestedEngine: "auto" | EngineName;
  /** What the address of memory must be a multiple of for direct IO, in bytes; 1 if nothing is direct. */
  readonly memoryAlignment: number;
  /** What offsets and lengths must be a multiple of for direct IO, in bytes; 1 if nothing is direct. */
  readonly offsetAlignment: number;
  /** What was given up or not proven, why, and what to ask for instead; of what comes later the last 64. */
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
  /** Adds to the notes of the report what was given up later. */
  readonly note: (text: string) => void;
}

const modes: readonly IoMode[] = ["buffered", "direct", "direct-rw"];
const engineChoices: readonly EngineChoice[] = ["auto", "uring", "threads", "node"];
/** How many notes of what was given up later are kept: the last ones. */
const mostLaterNotes = 64;
const noDirect: DirectSupport = { read: false, write: false, alignment: { memory: 1, offset: 1 }, notes: [] };

/** What is asked for, every option checked and filled in. */
type Request = { readonly [Name in keyof IoOptions]-?: NonNullable<IoOptions[Name]> };

/**
 * Checks how IO is to be done and chooses the engine. No directory is touched.
 *
 * @param options What is wanted.
 * @returns The engine. If `ownsEngine`, the caller shuts it down.
 * @throws {TypeError} If an option has the wrong type.
 * @throws {RangeError} If an option has a value that does not exist.
 * @throws {DirectIoError} If `strict` and the engine that was named cannot be had.
 */
export async function openEngine(options: IoOptions = {}): Promise<OpenEngine> {
  const { ioEngine, strict } = checkOptions(options);
  if (typeof ioEngine !== "string") return { engine: ioEngine, notes: [], ownsEngine: false };
  return await chooseEngine(ioEngine, strict);
}

/**
 * Opens IO for the files of one directory.
 *
 * @param directory An existing directory.
 * @param options What is wanted.
 * @param opened An engine that was opened with the same options; the caller shuts it down, whatever becomes of this.
 * @returns The engine, and how to use it. If `ownsEngine`, the caller shuts it down.
 * @throws {TypeError} If an option has the wrong type.
 * @throws {RangeError} If an option has a value that does not exist.
 * @throws {DirectIoError} If `strict` and what was asked for cannot be had.
 * @throws {IoError} If the directory is missing or unreadable.
 * @throws {Deno.errors.NotCapable} If the directory is not granted.
 */
export async function openIo(
  directory: string,
  options: IoOptions = {},
  opened?: OpenEngine,
): Promise<Io> {
  const request = checkOptions(options);
  const chosen = opened ?? await openEngine(options);
  const { engine, ownsEngine } = chosen;
  try {
    await engine.list(directory);
    const { ioMode, readOnly } = request;
    const support = ioMode === "buffered"
      ? noDirect
      : await engine.support(directory, { write: ioMode === "direct-rw", readOnly });
    const obtained = reportOf(directory, request, chosen, support), notes = [...obtained.notes];
    const report = { ...obtained, notes };
    const first = notes.length;
    const note = (text: string) => {
      if (notes.length - first === mostLaterNotes) notes.splice(first, 1);
      notes.push(text);
    };
    return { engine, report, readDirect: support.read, writeDirect: support.write, ownsEngine, note };
  } catch (error) {
    if (opened === undefined && ownsEngine) await engine.shutdown();
    throw error;
  }
}

function reportOf(
  directory: string,
  request: Request,
  chosen: OpenEngine,
  support: DirectSupport,
): IoReport {
  const mode = support.write ? "direct-rw" : support.read ? "direct" : "buffered";
  const advice = adviceOn("ioMode", request.ioMode, mode);
  if (request.strict && mode !== request.ioMode) {
    const reason = [...support.notes, ...advice].join("; ");
    throw new DirectIoError(`Cannot use IO mode "${request.ioMode}" in "${directory}": ${reason}`);
  }
  const requestedEngine = typeof request.ioEngine === "string" ? request.ioEngine : request.ioEngine.name;
  advice.push(...adviceOn("ioEngine", requestedEngine, chosen.engine.name));
  return {
    mode,
    engine: chosen.engine.name,
    requestedMode: request.ioMode,
    requestedEngine,
    memoryAlignment: support.alignment.memory,
    offsetAlignment: support.alignment.offset,
    notes: [...chosen.notes, ...support.notes, ...advice],
  };
}

/** What to ask for, if something else was asked for than can be had. */
function adviceOn(option: "ioMode" | "ioEngine", asked: string, obtained: string): string[] {
  if (asked === obtained || asked === "auto") return [];
  return [`Not "${asked}" but "${obtained}" is what can be had here: choose ${option} "${obtained}"`];
}

function checkOptions(options: IoOptions): Request {
  const { ioMode = "direct-rw", ioEngine = "auto", strict = false, readOnly = false } = options;
  checkName("ioMode", ioMode, modes);
  if (!isEngine(ioEngine)) checkName("ioEngine", ioEngine, engineChoices);
  checkBoolean("strict", strict);
  checkBoolean("readOnly", readOnly);
  return { ioMode, ioEngine, strict, readOnly };
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
