/**
 * The three failures, never mixed: our bug is an {@linkcode AssertionError}; the caller's mistake is a
 * `TypeError`, a `RangeError` or a {@linkcode LimitError}; the world's fault is one of the other classes here,
 * with the file, the offset and the cause.
 */

/** The class that every error of the world's making extends. */
export class VarveError extends Error {
  /** The name of the class. */
  override name = "VarveError";
  /**
   * The LSN of an append that was applied and rejects all the same, since it is not known to be durable: readers see
   * it, and whoever repeats it applies it twice. An append that rejects without it was not applied.
   */
  appliedLsn: number | undefined = undefined;
}

/** Says that the engine itself is wrong. It is never thrown for bytes that came from a disk or a caller. */
export class AssertionError extends Error {
  /** The name of the class. */
  override name = "AssertionError";
}

/**
 * Throws if `condition` is false: our own invariant does not hold.
 *
 * @param condition What must hold.
 * @param message What does not hold.
 * @throws {AssertionError} If `condition` is false.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** There was no memory for what was to be done; later there may be. Nothing was written that counts. */
export class MemoryError extends VarveError {
  /** The name of the class. */
  override name = "MemoryError";
}

/** What the runtime says when it has no memory for an array, or no pages. */
const noMemory = /allocation failed|could not allocate memory/i;

/**
 * Tells a lack of memory from what else a `RangeError` says.
 *
 * @param error What was thrown.
 * @param action What could not be done, such as `merge layers`.
 * @returns A {@linkcode MemoryError} if the runtime had no memory, else the error as it is.
 */
export function asMemoryError(error: unknown, action: string): unknown {
  if (!(error instanceof RangeError) || !noMemory.test(error.message)) return error;
  return new MemoryError(`Cannot ${action}: there is no memory for it: ${error.message}`, { cause: error });
}

/** Where an operating system's error happened. */
export interface IoErrorContext {
  /** The errno name, such as `"ENOSPC"`; `"EUNKNOWN"` where the system did not let it be learnt. */
  code: string;
  /** The operation, such as `"write"`. */
  operation: string;
  /** The file or directory. */
  path: string;
  /** The offset in the file in bytes, where there is one. */
  offset?: number | undefined;
  /** The error underneath. */
  cause?: unknown;
}

/** What stands in the way, for errno names of which hardly anybody knows it. */
const obstacles: Readonly<Record<string, string>> = {
  EISDIR: "a directory",
  ELOOP: "a link that is not followed, or links in a circle",
  ENOTDIR: "no directory",
  ENXIO: "neither a file nor a directory",
};

/** An error of the operating system, with its errno name, the operation, the file and the offset. */
export class IoError extends VarveError {
  /** The name of the class. */
  override name = "IoError";
  /** The errno name, such as `"ENOSPC"`. */
  readonly code: string;
  /** The operation, such as `"write"`. */
  readonly operation: string;
  /** The file or directory. */
  readonly path: string;
  /** The offset in the file in bytes, where there is one. */
  readonly offset: number | undefined;

  /** Makes an error from where it happened. */
  constructor(context: IoErrorContext) {
    const at = context.offset === undefined ? "" : ` at offset ${context.offset}`;
    const obstacle = obstacles[context.code], why = obstacle === undefined ? "" : ` (${obstacle})`;
    super(`Cannot ${context.operation} "${context.path}"${at}: ${context.code}${why}`, {
      cause: context.cause,
    });
    this.code = context.code;
    this.operation = context.operation;
    this.path = context.path;
    this.offset = context.offset;
  }
}

/** Whether an error is of the operating system, with one of the errno names `codes`. */
export function hasCode(error: unknown, ...codes: readonly string[]): error is IoError {
  return error instanceof IoError && codes.includes(error.code);
}

/**
 * Whether an error says that the system is short of something that may come back: of room on the disk or in a quota, or
 * of descriptors, of the process or of all. A failed write survives it.
 */
export function isShortage(error: unknown): error is IoError {
  return hasCode(error, "ENOSPC", "EDQUOT") || isOutOfDescriptors(error);
}

/** Whether an error says that there is no descriptor left: what was to be done with one has not begun. */
export function isOutOfDescriptors(error: unknown): error is IoError {
  return hasCode(error, "EMFILE", "ENFILE");
}

/**
 * The error for one append of those that wait for the same disk: its batch was applied, and is not known to be durable.
 *
 * @param error Why not.
 * @param lsn The LSN of the batch.
 * @param what What happened all the same, in words.
 * @returns An error of the same class that says so too.
 */
export function appliedAt(
  error: unknown,
  lsn: number,
  what: string = `the batch was applied at LSN ${lsn}`,
): unknown {
  const said = copyOf(error);
  if (said === undefined) return error;
  said.message += `; ${what}, and is not known to be durable`;
  said.appliedLsn = lsn;
  return said;
}

function copyOf(error: unknown): VarveError | undefined {
  if (error instanceof PoisonedError) return new PoisonedError(error.message, { cause: error.cause });
  if (!(error instanceof IoError)) return undefined;
  const { code, operation, path, offset } = error;
  return new IoError({ code, operation, path, offset, cause: error });
}

/** What was wrong with bytes that were read back. */
export interface CorruptionContext {
  /** The file. */
  path: string;
  /** The offset of the damaged part in the file in bytes. */
  offset: number;
  /** What should have been there. */
  expected: string;
  /** What was there. */
  found: string;
  /** The error underneath. */
  cause?: unknown;
}

/** Bytes on disk that are not what was written. */
export class CorruptionError extends VarveError {
  /** The name of the class. */
  override name = "CorruptionError";
  /** The file. */
  readonly path: string;
  /** The offset of the damaged part in the file in bytes. */
  readonly offset: number;
  /** What should have been there. */
  readonly expected: string;
  /** What was there. */
  readonly found: string;

  /** Makes an error from what was expected and what was found. */
  constructor(context: CorruptionContext) {
    super(
      `Cannot trust "${context.path}" at offset ${context.offset}: expected ${context.expected}, found ${context.found}`,
      { cause: context.cause },
    );
    this.path = context.path;
    this.offset = context.offset;
    this.expected = context.expected;
    this.found = context.found;
  }
}

/** The store is open elsewhere. */
export class LockedError extends VarveError {
  /** The name of the class. */
  override name = "LockedError";
}

/** An earlier write or sync failed; reads go on, writes do not. Its `cause` is the first failure. */
export class PoisonedError extends VarveError {
  /** The name of the class. */
  override name = "PoisonedError";
}

/** A write to a store that was opened to be read only. */
export class ReadOnlyError extends VarveError {
  /** The name of the class. */
  override name = "ReadOnlyError";
}

/** What an LSN was held against. */
export interface LsnErrorContext {
  /** The LSN that was asked for. */
  lsn: number;
  /** The last LSN of the timeline. */
  lastLsn: number;
  /** The horizon, if the LSN lies below it. */
  horizon?: number | undefined;
}

/** An LSN beyond the end of history or below the horizon, or one that does not increase. */
export class LsnError extends VarveError {
  /** The name of the class. */
  override name = "LsnError";
  /** The LSN that was asked for. */
  readonly lsn: number;
  /** The last LSN of the timeline. */
  readonly lastLsn: number;
  /** The horizon, if the LSN lies below it. */
  readonly horizon: number | undefined;

  /** Makes an error from what could not be done, and with which LSN. */
  constructor(message: string, { lsn, lastLsn, horizon }: LsnErrorContext) {
    super(message);
    this.lsn = lsn;
    this.lastLsn = lastLsn;
    this.horizon = horizon;
  }
}

/** What was expected of a key, and what stands there. */
export interface ConflictErrorContext {
  /** The key. */
  key: Uint8Array<ArrayBuffer>;
  /** The LSN at which its newest version was expected; `undefined` if it was expected to have no value. */
  expected: number | undefined;
  /** The LSN of its newest version; `undefined` if it has no value. */
  found: number | undefined;
}

/** A key has moved on: what an append expected of it does not stand any more, and nothing was applied. */
export class ConflictError extends VarveError {
  /** The name of the class. */
  override name = "ConflictError";
  /** The key. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The LSN at which its newest version was expected; `undefined` if it was expected to have no value. */
  readonly expected: number | undefined;
  /** The LSN of its newest version; `undefined` if it has no value. */
  readonly found: number | undefined;

  /** Makes an error from what was expected, and what was found. */
  constructor({ key, expected, found }: ConflictErrorContext) {
    const words = (lsn: number | undefined) => lsn === undefined ? "no value" : `LSN ${lsn}`;
    super(`Cannot append: expected key ${nameOf(key)} to have ${words(expected)}, found ${words(found)}`);
    this.key = key;
    this.expected = expected;
    this.found = found;
  }
}

/** Which patches cannot be redone, and why. */
export interface RedoErrorContext {
  /** The key. */
  key: Uint8Array<ArrayBuffer>;
  /** The LSN of the newest of the patches. */
  lsn: number;
  /** What redo threw, or what is wrong with what it returned; left out if there is no redo. */
  cause?: unknown;
}

/** A key whose patches cannot be redone: the store was opened without `redo`, or that failed. */
export class RedoError extends VarveError {
  /** The name of the class. */
  override name = "RedoError";
  /** The key. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The LSN of the newest of the patches. */
  readonly lsn: number;

  /** Makes an error from the key, and why its patches cannot be redone. */
  constructor({ key, lsn, cause }: RedoErrorContext) {
    const why = cause === undefined
      ? 'the store was opened without the option "redo"'
      : cause instanceof Error
      ? cause.message
      : String(cause);
    super(`Cannot redo patches of key ${nameOf(key)} at LSN ${lsn}: ${why}`, { cause });
    this.key = key;
    this.lsn = lsn;
  }
}

/** The longest key that a message has whole, in bytes. */
const namedBytes = 64;

/** A key in a message: its text in quotes if that can be read, else its bytes; a long one only begins. */
export function nameOf(key: Uint8Array): string {
  const bytes = key.subarray(0, namedBytes), isCut = key.length > namedBytes, more = isCut ? "…" : "";
  const text = new TextDecoder().decode(bytes, { stream: isCut });
  return /[\p{C}\ufffd]/u.test(text) ? `0x${bytes.toHex()}${more}` : `"${text}${more}"`;
}

/** Direct IO was demanded and cannot be had. */
export class DirectIoError extends VarveError {
  /** The name of the class. */
  override name = "DirectIoError";
}

/** Which limit does not allow what. */
export interface LimitErrorContext {
  /** The limit, in the unit that the message names. */
  limit: number;
  /** What was found, in the same unit. */
  found: number;
  /** The key that it is about, if it is about one. */
  key?: Uint8Array<ArrayBuffer> | undefined;
}

/** Something is larger than a limit allows, or smaller. */
export class LimitError extends VarveError {
  /** The name of the class. */
  override name = "LimitError";
  /** The limit, in the unit that the message names. */
  readonly limit: number;
  /** What was found, in the same unit. */
  readonly found: number;
  /** The key that it is about, if it is about one. */
  readonly key: Uint8Array<ArrayBuffer> | undefined;

  /** Makes an error from what could not be done, and which limit does not allow it. */
  constructor(message: string, { limit, found, key }: LimitErrorContext) {
    super(message);
    this.limit = limit;
    this.found = found;
    this.key = key;
  }
}

/** A key that belongs to another store. */
export interface ShardErrorContext {
  /** The key. */
  key: Uint8Array<ArrayBuffer>;
  /** Which of the stores was asked, from 0 on. */
  index: number;
  /** How many stores there are. */
  count: number;
  /** Which of them the key belongs to. */
  owner: number;
}

/** A key was written to, or looked for in, a store of several to which it does not belong. */
export class ShardError extends VarveError {
  /** The name of the class. */
  override name = "ShardError";
  /** The key. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Which of the stores was asked, from 0 on. */
  readonly index: number;
  /** How many stores there are. */
  readonly count: number;
  /** Which of them the key belongs to. */
  readonly owner: number;

  /** Makes an error from what could not be done, and where the key belongs. */
  constructor(message: string, { key, index, count, owner }: ShardErrorContext) {
    super(message);
    this.key = key;
    this.index = index;
    this.count = count;
    this.owner = owner;
  }
}
