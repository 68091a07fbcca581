/**
 * Reads a manifest file: its snapshot, then the edits behind it, up to where the next frame goes.
 *
 * M10  A frame is written only once the one before it is durable. So the head of any later frame proves that what is
 *     between was durable, and that it is damaged if it does not check.
 * M11  What is only torn, a frame that nobody was told of, ends the file: all before it counts.
 * M12  Every frame lies in the room that an earlier one claims. So a file that is shorter than any frame says was cut.
 *
 * @module
 */

import { blockBytes, CorruptionError, type Turns } from "../base/mod.ts";
import { StateDraft } from "./apply.ts";
import { BodyReader } from "./body.ts";
import { readEdit, readState } from "./codec.ts";
import {
  type FileIdentity,
  frameBytes,
  type FrameHead,
  frameHeadBytes,
  hasBody,
  readFrameHead,
  readHeader,
} from "./frame.ts";
import { type StoreState, timelineFault } from "./state.ts";

/** What a manifest file says, and where the next frame goes. */
export interface ManifestContents {
  /** What exists. */
  readonly state: StoreState;
  /** Where the next frame goes. */
  readonly end: FrameEnd;
  /** Where the snapshot ends. */
  readonly snapshotEnd: number;
  /** Whether the last frame says that the file was closed cleanly. */
  readonly isClosed: boolean;
  /** Whether the last frame says that a manifest of a later version took its place. */
  readonly isSuperseded: boolean;
}

/** Where a frame ends, and what the next one must say. */
export interface FrameEnd {
  /** Where the next frame goes. */
  readonly offset: number;
  /** Its ordinal. */
  readonly ordinal: number;
  /** The checksum of the head of the frame before it. */
  readonly previous: number;
  /** How long the file is known to be. */
  readonly room: number;
}

/**
 * Reads a manifest file.
 *
 * @param path The file, for messages.
 * @param bytes What it holds; keys in the state are parts of it.
 * @param version The version in its name.
 * @param turns Gives the event loop its turns.
 * @throws {CorruptionError} If anything that was durable is damaged.
 * @throws {VarveError} If it is of another version of the format.
 */
export async function readManifest(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  version: number,
  turns: Turns,
): Promise<ManifestContents> {
  const identity = readHeader(path, bytes, version);
  const frames = new FrameWalk(path, bytes, identity);
  const first = frames.next();
  if (first?.kind !== "snapshot") throw frames.fault("a snapshot", "a block that does not check");
  const base = await readSnapshot(frames.body(first), identity, turns);
  const snapshotEnd = frames.end.offset;
  const draft = new StateDraft(base);
  let last = first;
  for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
    if (frame.kind === "snapshot" || last.kind === "superseded") {
      throw frames.fault("no more frames", frame.kind);
    }
    if (frame.kind === "edits") readEdits(frames.body(frame), draft);
    last = frame;
  }
  const state = draft.finish();
  if (typeof state === "string") throw frames.fault("edits that fit", state);
  const { end } = frames;
  return {
    state,
    end,
    snapshotEnd,
    isClosed: last.kind === "closed",
    isSuperseded: last.kind === "superseded",
  };
}

async function readSnapshot(reader: BodyReader, identity: FileIdentity, turns: Turns): Promise<StoreState> {
  const state = { ...identity, ...await readState(reader, turns) };
  const ids = new Set<number>(), names = new Set<string>();
  for (const timeline of state.timelines) {
    const fault = timelineFault(timeline);
    if (fault !== undefined) throw reader.fault("a timeline", fault);
    ids.add(timeline.id);
    names.add(timeline.name);
  }
  const { length } = state.timelines;
  if (ids.size < length || names.size < length) {
    throw reader.fault("timelines of different names", "one twice");
  }
  if (!reader.isAtEnd) throw reader.fault("the end of the snapshot", "more");
  return state;
}

function readEdits(reader: BodyReader, draft: StateDraft): void {
  while (!reader.isAtEnd) {
    const edit = readEdit(reader);
    const objection = draft.take(edit);
    if (objection !== undefined) throw reader.fault(`an edit "${edit.type}" that fits`, objection);
  }
}

/** Goes from frame to frame. */
class FrameWalk {
  readonly #path: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #identity: FileIdentity;
  /** Where the next frame goes. */
  end: FrameEnd = { offset: blockBytes, ordinal: 0, previous: 0, room: 0 };
  /** Where the frame starts that was read last. */
  #at = 0;

  constructor(path: string, bytes: Uint8Array<ArrayBuffer>, identity: FileIdentity) {
    this.#path = path;
    this.#bytes = bytes;
    this.#identity = identity;
  }

  /** The next whole frame; `undefined` at the end, torn frames included (M11). */
  next(): FrameHead | undefined {
    const { offset, ordinal } = this.end;
    const head = readFrameHead(this.#bytes, offset, this.#identity);
    if (head !== undefined) this.#check(head);
    if (head === undefined || !hasBody(this.#bytes, offset, head)) {
      this.#searchProof(offset, ordinal);
      return undefined;
    }
    this.#at = offset;
    const end = offset + frameBytes(head.length);
    this.end = { offset: end, ordinal: ordinal + 1, previous: head.sum, room: head.room };
    return head;
  }

  /** The body of the frame that was read last. */
  body(head: FrameHead): BodyReader {
    const start = this.#at + frameHeadBytes;
    return new BodyReader(this.#path, this.#bytes, start, start + head.length);
  }

  fault(expected: string, found: string): CorruptionError {
    return new CorruptionError({ path: this.#path, offset: this.end.offset, expected, found });
  }

  /** Throws if a frame was not written here behind the frame before it, or the file was cut (M12). */
  #check(head: FrameHead): void {
    const { offset, ordinal, previous, room } = this.end;
    if (head.ordinal !== ordinal || head.previous !== previous) {
      throw this.fault(`frame ${ordinal}`, `frame ${head.ordinal}, which was written behind another`);
    }
    const { length } = this.#bytes;
    if (length < head.room) throw this.fault(`a file of ${head.room} bytes`, `${length}`);
    const end = offset + frameBytes(head.length);
    const isInRoom = end <= (ordinal === 0 ? head.room : room) && end + blockBytes <= head.room;
    if (!isInRoom) {
      throw this.fault("a frame in its room", `one that ends at offset ${end}`);
    }
  }

  /** Throws if a later frame proves that one at `offset` had been durable (M10). */
  #searchProof(offset: number, ordinal: number): void {
    for (let at = offset + blockBytes; at < this.#bytes.length; at += blockBytes) {
      const head = readFrameHead(this.#bytes, at, this.#identity);
      if (head === undefined || head.ordinal <= ordinal) continue;
      throw this.fault(
        `frame ${ordinal}`,
        `a block that does not check, and frame ${head.ordinal} at offset ${at}`,
      );
    }
  }
}
