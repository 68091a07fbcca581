/**
 * Reading an object from its start to its end in pieces, past what the system cannot read.
 *
 * @module
 */

import { IoError, pageBytes, type Turns } from "../../base/mod.ts";
import type { Objects, StoredObject } from "../../objects/mod.ts";
import type { Inspector } from "./finding.ts";

/** Bytes that are worked on between two looks at the clock: whole pages, and at most a millisecond of tiny records. */
const pieceBytes = 16 * 1024;
/** Where the system cannot read, so many bytes are tried again page by page: as many as one read has. */
const stretchBytes = 1024 * 1024;

/** Where objects are read. */
export type ObjectSource = Pick<Objects, "stream">;

/** Gives turns, and may stop the work. */
export type Pace = Pick<Inspector, "check"> & { readonly turns: Turns };

/** Some bytes of an object, lent until the next are asked for, or why they cannot be read. */
export interface Piece {
  /** Where they stand. */
  readonly offset: number;
  /** Where they end. */
  readonly end: number;
  /** The bytes; `undefined` if the system cannot read them. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Why not. */
  readonly error: IoError | undefined;
}

/**
 * Reads a range of an object in order.
 *
 * @param objects Where it lies.
 * @param object The object.
 * @param range Where to start, a multiple of 4096, and where to end at the latest.
 * @param pace Whose turns are given, and who may stop it.
 * @yields Pieces of at most 16 KiB, in which pages that are counted from the start are whole.
 */
export async function* piecesOf(
  objects: ObjectSource,
  object: StoredObject,
  { start, end }: { readonly start: number; readonly end: number },
  { turns, check }: Pace,
): AsyncGenerator<Piece, void> {
  let careful = start;
  for (let position = start; position < end;) {
    const isCareful = position < careful, until = isCareful ? Math.min(end, position + pageBytes) : end;
    try {
      for await (const chunk of objects.stream(object, { start: position, end: until })) {
        for (let at = 0; at < chunk.length; at += pieceBytes) {
          check();
          const bytes = chunk.subarray(at, at + pieceBytes), offset = position + at;
          yield { offset, end: offset + bytes.length, bytes, error: undefined };
          if (turns.due()) await turns.turn();
        }
        position += chunk.length;
      }
      // It ends there.
      if (position < until) return;
    } catch (error) {
      // A file that cannot be opened has no stretch that can be read.
      if (!(error instanceof IoError) || error.operation !== "read") throw error;
      if (!isCareful) careful = position + stretchBytes;
      else {
        yield { offset: position, end: until, bytes: undefined, error };
        position = until;
      }
    }
  }
}

/** Which bytes are read, and who is told. */
export interface PieceRead {
  /** Where to start, a multiple of 4096. */
  readonly start: number;
  /** Where to end at the latest. */
  readonly end: number;
  /** Takes a piece, which is lent for the call, and where it stands. */
  take(bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<void> | void;
  /** Learns of bytes that the system cannot read. */
  unreadable(from: number, to: number, error: IoError): void;
}

/**
 * Reads a range of an object in order, as {@linkcode piecesOf} does.
 *
 * @param objects Where it lies.
 * @param object The object.
 * @param pace Whose turns are given, and who may stop it.
 * @param read Which range, and who takes it.
 * @returns Where the object ends if it ends within the range, otherwise the end of the range.
 */
export async function readPieces(
  objects: ObjectSource,
  object: StoredObject,
  pace: Pace,
  read: PieceRead,
): Promise<number> {
  let reached = read.start;
  for await (const { offset, end, bytes, error } of piecesOf(objects, object, read, pace)) {
    reached = end;
    if (error !== undefined) read.unreadable(offset, end, error);
    else if (bytes !== undefined) {
      const taken = read.take(bytes, offset);
      if (taken !== undefined) await taken;
    }
  }
  return reached;
}
