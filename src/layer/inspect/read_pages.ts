/**
 * Reading the pages of a layer in the order in which they lie, each checked by itself.
 *
 * @module
 */

import { CorruptionError, type IoError, pageBytes } from "../../base/mod.ts";
import { layoutOf, type StoredLayer } from "../layer.ts";
import { loadLeaf } from "../tree/load_leaf.ts";
import { VersionBlock } from "../version_cursor.ts";
import { type ObjectSource, type Pace, readPieces } from "./pieces.ts";

/**
 * Reads the leaves of a layer in order, without those that do not check.
 *
 * @param objects Where it lies.
 * @param layer The layer.
 * @param pace Whose turns are given.
 * @param visit Takes the slots of a leaf, lent for the call.
 * @param isLost Whether a leaf is known to contradict others, though it checks; left out, none is.
 */
export async function readLeaves(
  objects: ObjectSource,
  layer: StoredLayer,
  pace: Pace,
  visit: (block: VersionBlock) => void,
  isLost: (page: number) => boolean = () => false,
): Promise<void> {
  const block = new VersionBlock();
  await readPages(objects, layer, pace, 0, layer.description.leafPages, (number, page) => {
    if (page instanceof Error || isLost(number)) return;
    try {
      loadLeaf(block, layer, number, page, false);
    } catch (error) {
      if (error instanceof CorruptionError) return;
      throw error;
    }
    visit(block);
  });
}

/** Takes a page that checks, lent for the call, or why there is none. */
export type TakePage = (number: number, page: Uint8Array | CorruptionError | IoError) => void;

/** Reads pages `[from, to)` of a layer in order and checks each by itself. */
export async function readPages(
  objects: ObjectSource,
  { object, description }: StoredLayer,
  pace: Pace,
  from: number,
  to: number,
  take: TakePage,
): Promise<void> {
  const layout = layoutOf(description, object.path), start = layout.offsetOf(from), end = layout.offsetOf(to);
  if (from === to) return;
  let next = from;
  const reached = await readPieces(objects, object, pace, {
    start,
    end,
    take: (bytes) => {
      for (let at = 0; at < bytes.length; at += pageBytes, next++) {
        const page = bytes.subarray(at, at + pageBytes);
        try {
          if (page.length < pageBytes) throw cut(object.path, layout.offsetOf(next));
          layout.checkPage(next, page);
        } catch (error) {
          if (!(error instanceof CorruptionError)) throw error;
          take(next, error);
          continue;
        }
        take(next, page);
      }
    },
    unreadable: (_from, until, error) => {
      while (next < to && layout.offsetOf(next) < until) take(next++, error);
    },
  });
  while (next < to) take(next++, cut(object.path, reached));
}

function cut(path: string, offset: number): CorruptionError {
  return new CorruptionError({ path, offset, expected: "a page", found: "the end of the file" });
}
