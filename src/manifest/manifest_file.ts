/**
 * A manifest file that is written: made with a snapshot, then appended to, one frame at a time.
 *
 * M8  A block of an acknowledged frame is never written again. A frame that failed is written over by the next one;
 *     what a longer one leaves behind a shorter one has no head that checks.
 * M9  A frame lies where an earlier one says that the file is long enough, and leaves a block of that: so there is
 *     always a place for a frame that claims more room (M12).
 *
 * One call at a time.
 *
 * @module
 */

import { assert, blockBytes, LimitError, maxManifestBytes, type Turns } from "../base/mod.ts";
import type { Host } from "../io/mod.ts";
import type { RootFiles } from "../objects/mod.ts";
import { BodyWriter } from "./body.ts";
import { writeState } from "./codec.ts";
import {
  type FileIdentity,
  frameBytes,
  frameHeadBytes,
  type FrameKind,
  putHeader,
  stampFrame,
} from "./frame.ts";
import { manifestName } from "./names.ts";
import type { FrameEnd, ManifestContents } from "./read_manifest.ts";
import type { StoreState } from "./state.ts";

/** Where manifests are kept, and who gives them turns: any `Objects` will do. */
export interface ManifestHome {
  /** The store's directory, for messages. */
  readonly directory: string;
  /** Gives the event loop its turns. */
  readonly host: Pick<Host, "turns">;
  /** The files. */
  readonly root: Pick<RootFiles, "list" | "read" | "putIfAbsent" | "append" | "settle" | "remove">;
}

/** Room is reserved in steps of so many bytes: a frame in it extends no file, and seldom finds the disk full. */
const roomBytes = 64 * 1024;
/** Edits may weigh so much, and more if the snapshot does. */
const leastEditBytes = 1024 * 1024;

/** A manifest file that is written. */
export class ManifestFile {
  readonly #root: ManifestHome["root"];
  readonly #identity: FileIdentity;
  readonly #snapshotEnd: number;
  #end: FrameEnd;
  #editBytesLimit: number;

  private constructor(home: ManifestHome, identity: FileIdentity, snapshotEnd: number, end: FrameEnd) {
    this.#root = home.root;
    this.#identity = identity;
    this.#snapshotEnd = snapshotEnd;
    this.#end = end;
    this.#editBytesLimit = Math.max(leastEditBytes, snapshotEnd);
  }

  /** The version of the manifest. */
  get version(): number {
    return this.#identity.version;
  }

  /** Whether the edits outweigh the snapshot, or leave no place for `more` bytes of them. */
  isFull(more: number): boolean {
    const { offset } = this.#end;
    return offset - this.#snapshotEnd > this.#editBytesLimit || this.#roomFor(more) > maxManifestBytes;
  }

  /** Lets the edits grow further, since a new file could not be made. */
  bear(): void {
    this.#editBytesLimit += Math.max(leastEditBytes, this.#snapshotEnd);
  }

  /** Goes on in a file that was read. */
  static reopen(home: ManifestHome, { state, snapshotEnd, end }: ManifestContents): ManifestFile {
    return new ManifestFile(home, state, snapshotEnd, end);
  }

  /**
   * Makes a file: when it resolves, it is durable.
   *
   * @param home Where.
   * @param state What exists, and the version.
   * @throws {Deno.errors.AlreadyExists} If there is one of this version.
   * @throws {LimitError} If it would be too long.
   */
  static async create(home: ManifestHome, state: StoreState): Promise<ManifestFile> {
    const { bytes, end, snapshotEnd } = await encodeFile(state, home.host.turns);
    await home.root.putIfAbsent(manifestName(state.version), bytes);
    return new ManifestFile(home, state, snapshotEnd, end);
  }

  /**
   * Appends a frame: when it resolves, it is durable. When it rejects, nothing was appended.
   *
   * @param kind What it holds.
   * @param body Its body.
   * @throws {LimitError} If the file would be too long.
   */
  async append(kind: FrameKind, body: Uint8Array): Promise<void> {
    const room = this.#roomFor(body.length);
    if (room > maxManifestBytes) throw manifestTooLong(room);
    if (room > this.#end.room) {
      const { offset, room: old } = this.#end;
      await this.#root.append(this.#name, old, new Uint8Array(room - old));
      // One that does not fit the room that is claimed yet goes behind one that claims more.
      if (offset + frameBytes(body.length) > old) await this.#write("edits", new Uint8Array(0), room);
    }
    await this.#write(kind, body, room);
  }

  get #name(): string {
    return manifestName(this.#identity.version);
  }

  /** The room that the file needs for a frame more (M9). */
  #roomFor(bodyLength: number): number {
    const { offset, room } = this.#end;
    const least = offset + frameBytes(bodyLength) + blockBytes;
    return least <= room ? room : least + roomBytes;
  }

  async #write(kind: FrameKind, body: Uint8Array, room: number): Promise<void> {
    const { offset, ordinal, previous } = this.#end;
    const frame = new Uint8Array(frameBytes(body.length));
    assert(offset + frame.length <= this.#end.room, "M9: a frame lies in room that is claimed");
    frame.set(body, frameHeadBytes);
    const head = { kind, ordinal, previous, length: body.length, room };
    const sum = stampFrame(frame, this.#identity, offset, head);
    await this.#root.append(this.#name, offset, frame);
    this.#end = { offset: offset + frame.length, ordinal: ordinal + 1, previous: sum, room };
  }
}

/** A whole file, with its snapshot and its room. */
async function encodeFile(
  state: StoreState,
  turns: Turns,
): Promise<{ bytes: Uint8Array; end: FrameEnd; snapshotEnd: number }> {
  const start = blockBytes;
  const writer = new BodyWriter(start + roomBytes);
  writer.zeros(start + frameHeadBytes);
  await writeState(writer, state, turns);
  const length = writer.length - start - frameHeadBytes;
  const snapshotEnd = start + frameBytes(length);
  const room = snapshotEnd + roomBytes;
  if (room > maxManifestBytes) throw manifestTooLong(room);
  writer.zeros(room - writer.length);
  const { bytes } = writer;
  putHeader(bytes, state);
  const head = { kind: "snapshot", ordinal: 0, previous: 0, length, room } as const;
  const sum = stampFrame(bytes.subarray(start, snapshotEnd), state, start, head);
  return { bytes, snapshotEnd, end: { offset: snapshotEnd, ordinal: 1, previous: sum, room } };
}

function manifestTooLong(found: number): LimitError {
  const limit = maxManifestBytes;
  return new LimitError(`Cannot write manifest: it would have ${found} bytes, the limit is ${limit}`, {
    limit,
    found,
  });
}
