/**
 * What is left on a disk when the process that used it is killed: the system keeps what it took.
 *
 * @module
 */

import { chance, type Choices } from "../choices.ts";
import type { Asked } from "./asked.ts";
import { blockOf, sectorBytes } from "./fate.ts";
import { applyWhole, type SimInode } from "./sim_inode.ts";

/** What of the changes that were under way happened, by choice: each wholly, not at all, or in part. */
export function* arrived(underWay: Iterable<Asked>, choices: Choices): Generator<Asked> {
  for (const asked of underWay) {
    const outcome = choices.choose(asked.kind === "write" ? 3 : 2);
    if (outcome === 0) yield asked;
    else if (outcome === 2) yield* partsOf(asked, choices);
  }
}

/** Some of the blocks of a write. */
function* partsOf(asked: Asked, choices: Choices): Generator<Asked> {
  if (asked.kind !== "write") return;
  const end = asked.offset + asked.bytes.length;
  for (let from = asked.offset; from < end;) {
    const to = Math.min(end, (blockOf(Math.floor(from / sectorBytes)) + 1) * 8 * sectorBytes);
    const bytes = asked.bytes.subarray(from - asked.offset, to - asked.offset);
    if (!chance(choices, 1, 2)) yield { ...asked, offset: from, bytes };
    from = to;
  }
}

/** Takes what a failed sync dropped out of the page cache, by choice. */
export function evict(inode: SimInode, choices: Choices): void {
  if (!inode.isDropped || choices.choose(2) === 0) return;
  const disk = inode.durable.share();
  for (const change of inode.pending) applyWhole(disk, change);
  inode.current.become(disk);
  inode.isDropped = false;
}
