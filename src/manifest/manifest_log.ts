/**
 * The files of a manifest: the newest one, which is appended to one frame at a time, and those before it.
 *
 * M4  The newest version counts, damaged or not. It gets its name only once it is durable; the file before it then says
 *     in a last frame that it is superseded, and stays until the next version is durable.
 * M6  A new file is made when edits outweigh the snapshot, and when nobody closed the last one: the end of that may be
 *     what a failed sync left in memory alone. While the disk has no room for it, the old file is gone on with.
 *     That an old file cannot be removed is no failure: what counts is durable.
 * M7  Once a newer file may be there, durable or not, the old one is not appended to: only a newer one still helps.
 * M8  A block of an acknowledged frame is never written again. A frame that failed is written over by the next one;
 *     what a longer one leaves behind a shorter one has no head that checks.
 * M9  A frame lies where an earlier one says that the file is long enough, and leaves a block of that: so there is
 *     always a place for a frame that claims more room (M12).
 *
 * One call at a time.
 *
 * @module
 */

import {
  assert,
  blockBytes,
  hasCode,
  IoError,
  isShortage,
  LimitError,
  maxManifestBytes,
} from "../base/mod.ts";
import { codeState } from "./codec.ts";
import { Coder } from "./coder.ts";
import { firstPlace, frameBytes, putFrame, putHeader } from "./frame.ts";
import type { FileIdentity, FrameKind, FramePlace } from "./frame.ts";
import { manifestName } from "./names.ts";
import type { ManifestContents, ManifestHome } from "./read_manifest.ts";
import type { StoreState } from "./state.ts";

/** Room is reserved in steps of so many bytes: a frame in it extends no file, and seldom finds the disk full. */
const roomBytes = 64 * 1024;
/** Edits may weigh so much, and more if the snapshot does. */
const leastEditBytes = 1024 * 1024;
const nothing = new Uint8Array(0);

/** A file that is appended to. */
interface LogFile extends FileIdentity {
  readonly snapshotEnd: number;
  /** From where edits are weighed against the snapshot. */
  weighedFrom: number;
  end: FramePlace;
}

/** How a file ends: as it was found, or so that it is to be closed. */
type Ending = "closed" | "unclosed" | "open";

/** The files of a manifest. */
export class ManifestLog {
  readonly #home: ManifestHome;
  #file: LogFile;
  /** Versions whose files go once the next version is durable: older ones (M4), or that may be there (M7). */
  #others: number[];
  #ending: Ending;

  private constructor(home: ManifestHome, file: LogFile, others: number[], ending: Ending) {
    this.#home = home;
    this.#file = file;
    this.#others = others;
    this.#ending = ending;
  }

  /** Makes the first file: when it resolves, it is durable. There must be none of this version. */
  static async create(home: ManifestHome, state: StoreState): Promise<ManifestLog> {
    return new ManifestLog(home, await makeFile(home, state), [], "open");
  }

  /**
   * Goes on after what was read, and removes what is older than the file before it.
   *
   * @param home Where.
   * @param contents What was read.
   * @param older The versions below it that are there, ascending.
   */
  static async reopen(home: ManifestHome, contents: ManifestContents, older: number[]): Promise<ManifestLog> {
    const { state, snapshotEnd, end, isClosed } = contents;
    const others = [...await removeAll(home, older.slice(0, -1)), ...older.slice(-1)];
    const file = fileOf(state, snapshotEnd, end);
    return new ManifestLog(home, file, others, isClosed ? "closed" : "unclosed");
  }

  /** The version of the newest file. */
  get version(): number {
    return this.#file.version;
  }

  /** Where the next frame of the newest file goes: behind the last one that was acknowledged. */
  get end(): number {
    return this.#file.end.offset;
  }

  /**
   * Appends edits: when it resolves, they are durable. When it rejects, nothing was appended.
   *
   * @param body The edits.
   * @param state What exists without them, with which a new file starts.
   * @throws {LimitError} If the file would be too long.
   */
  async append(body: Uint8Array, state: StoreState): Promise<void> {
    const { end, weighedFrom, snapshotEnd } = this.#file;
    const isFull = end.offset - weighedFrom > Math.max(leastEditBytes, snapshotEnd) ||
      roomFor(end, body.length) > maxManifestBytes;
    if (isFull || this.#ending === "unclosed" || this.#isInDoubt) await this.#startFile(state);
    this.#ending = "open";
    await this.#append(this.#file, "edits", body);
  }

  /** Says in the file that it was closed cleanly, if anything was written; one that is full or in doubt does without. */
  async close(): Promise<void> {
    if (this.#ending !== "open" || this.#isInDoubt) return;
    await this.#append(this.#file, "closed", nothing).catch((error) => {
      if (!(error instanceof LimitError)) throw error;
    });
  }

  /** Whether there may be a newer file (M7). */
  get #isInDoubt(): boolean {
    return this.#others.some((version) => version > this.version);
  }

  async #startFile(state: StoreState): Promise<void> {
    const { root, stem } = this.#home,
      before = this.#file,
      version = Math.max(before.version, ...this.#others) + 1;
    try {
      this.#file = await makeFile(this.#home, { ...state, version });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // Until it is known not to be there, it may be (M7).
      this.#others.push(version);
      if (!(await root.list()).includes(manifestName(version, stem))) this.#others.pop();
      if (this.#isInDoubt) throw error;
      before.weighedFrom = before.end.offset;
      return;
    }
    const gone = this.#others;
    this.#others = [...gone, before.version];
    await this.#append(before, "superseded", nothing).catch((error) => {
      if (!isRefusal(error)) throw error;
    });
    this.#others = [...await removeAll(this.#home, gone), before.version];
  }

  async #append(file: LogFile, kind: FrameKind, body: Uint8Array): Promise<void> {
    const { offset, room } = file.end, longer = checkLength(roomFor(file.end, body.length));
    if (longer > room) {
      await this.#home.root.append(
        manifestName(file.version, this.#home.stem),
        room,
        new Uint8Array(longer - room),
      );
      // One that does not fit the room that is claimed yet goes behind one that claims more.
      if (offset + frameBytes(body.length) > room) await this.#write(file, "edits", nothing, longer);
    }
    await this.#write(file, kind, body, longer);
  }

  async #write(file: LogFile, kind: FrameKind, body: Uint8Array, room: number): Promise<void> {
    const { end } = file, frame = new Uint8Array(frameBytes(body.length));
    assert(end.offset + frame.length <= end.room, "M9: a frame lies in room that is claimed");
    const next = putFrame(frame, file, end, { kind, body, room });
    await this.#home.root.append(manifestName(file.version, this.#home.stem), end.offset, frame);
    file.end = next;
  }
}

/** Removes old files; returns the versions of those that stay because the system fails, to be removed with the next. */
async function removeAll({ root, stem }: ManifestHome, versions: readonly number[]): Promise<number[]> {
  const left: number[] = [];
  for (const version of versions) {
    try {
      await root.remove(manifestName(version, stem));
    } catch (error) {
      // In a directory that is not ours any more nothing may be written either.
      if (!(error instanceof IoError) || hasCode(error, "ESTALE")) throw error;
      left.push(version);
    }
  }
  return left;
}

/** Makes a file with a snapshot and room: when it resolves, it is durable. */
async function makeFile({ root, host, stem }: ManifestHome, state: StoreState): Promise<LogFile> {
  const writer = Coder.writer();
  await codeState(writer, host.turns, state);
  const body = writer.written, snapshotEnd = firstPlace.offset + frameBytes(body.length);
  const room = checkLength(snapshotEnd + roomBytes), bytes = new Uint8Array(room);
  putHeader(bytes, state);
  const frame = bytes.subarray(firstPlace.offset, snapshotEnd);
  const end = putFrame(frame, state, firstPlace, { kind: "snapshot", body, room });
  await root.putIfAbsent(manifestName(state.version, stem), bytes);
  return fileOf(state, snapshotEnd, end);
}

function fileOf({ storeId, version }: FileIdentity, snapshotEnd: number, end: FramePlace): LogFile {
  return { storeId, version, snapshotEnd, weighedFrom: snapshotEnd, end };
}

/** How long the file must be for a frame more (M9). */
function roomFor({ offset, room }: FramePlace, bodyLength: number): number {
  const least = offset + frameBytes(bodyLength) + blockBytes;
  return least <= room ? room : least + roomBytes;
}

function checkLength(bytes: number): number {
  if (bytes > maxManifestBytes) {
    throw new LimitError(`Cannot write manifest: it would have ${bytes} bytes`, {
      limit: maxManifestBytes,
      found: bytes,
    });
  }
  return bytes;
}

/** Whether an error leaves everything as it is: no room on the disk, or for a frame more in a file. */
export function isRefusal(error: unknown): boolean {
  return isShortage(error) || error instanceof LimitError;
}
