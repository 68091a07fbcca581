/**
 * What stands on a disk after a loss of power, made from what each change that was not durable came to.
 *
 * Blocks are shared with the disk that it is made from, so that making it costs little more than its names.
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import type { Choices } from "../choices.ts";
import { chooseFate, type Fate, sectorBytes, sectorsOf, type Torn, type Volatile } from "./fate.ts";
import { Extent, type Image } from "./image.ts";
import { bindIn, SimDirectory, type SimNode } from "./sim_directory.ts";
import { applyWhole, type FileChange, SimInode, type Written } from "./sim_inode.ts";

/** What each change came to; one that is not among them was kept. */
export type Fates = ReadonlyMap<Volatile, Fate>;

/** What a loss of power may undo, in the order in which it happened. */
export function volatileOf(root: SimDirectory): Volatile[] {
  const seen = new Set<SimNode>([root]), found: Volatile[] = [];
  // What is added on the way is visited too.
  for (const node of seen) {
    found.push(...node.pending);
    if (node.kind === "file") continue;
    for (const child of node.durable.values()) seen.add(child);
    for (const binding of node.pending) if (binding.node !== undefined) seen.add(binding.node);
  }
  return found.sort((a, b) => a.time - b.time);
}

/** Fates by choice: each change by itself, or all up to one of them, or most, or few. */
export function chooseFates(changes: readonly Volatile[], choices: Choices): Fates {
  const manner = choices.choose(4);
  if (manner === 0) return new Map(changes.map((change) => [change, chooseFate(change, choices)]));
  if (manner === 1) {
    const end = choices.choose(changes.length + 1);
    return new Map(
      changes.slice(end).map((change, i) => [change, i > 0 ? "lost" : chooseFate(change, choices)]),
    );
  }
  return new Map(changes.map((change) => {
    if (choices.choose(8) === 0) return [change, chooseFate(change, choices)];
    return [change, manner === 2 ? "kept" : "lost"];
  }));
}

/** What stands on a disk after a crash, durable as it stands. */
export function rootAfter(root: SimDirectory, fates: Fates): SimDirectory {
  const built = new Map<SimNode, SimNode>();
  const build = <Node extends SimNode>(node: Node): Node => {
    let copy = built.get(node);
    if (copy === undefined) {
      copy = node.kind === "file" ? new SimInode(imageAfter(node, fates)) : new SimDirectory();
      built.set(node, copy);
      if (node.kind === "directory") {
        for (const [name, child] of namesAfter(node, fates)) {
          (copy as SimDirectory).bindDurably(name, build(child));
        }
      }
    }
    return copy as Node;
  };
  return build(root);
}

function namesAfter({ durable, pending }: SimDirectory, fates: Fates): Map<string, SimNode> {
  if (pending.length === 0) return durable;
  const names = new Map(durable);
  const isLost = (change: Volatile | undefined) => change !== undefined && fates.get(change) === "lost";
  for (const binding of pending) if (!isLost(binding) && !isLost(binding.needs)) bindIn(names, binding);
  return names;
}

function imageAfter({ durable, pending }: SimInode, fates: Fates): Image {
  const image = durable.share();
  for (const change of pending) applyPart(image, change, fates.get(change) ?? "kept");
  return image;
}

function applyPart(image: Image, change: FileChange, fate: Fate): void {
  if (fate === "lost") return;
  if (fate === "stale") return putStale(image, (change as Written).extent);
  if (fate === "kept" || change.kind === "resized") applyWhole(image, change);
  else applyTorn(image, change, fate);
}

/** A block of a file that was removed. */
const stale = Uint8Array.from({ length: blockBytes }, (_, i) => i * i + 7 * i >>> 3);

/** Extends an image to the end of an extent, with what stood on the disk before. */
function putStale(image: Image, { end }: Extent): void {
  const { length } = image;
  for (let at = length - length % blockBytes; at < end; at += blockBytes) {
    image.put(new Extent(at, stale), Math.max(at, length), Math.min(at + blockBytes, end));
  }
}

function applyTorn(image: Image, written: Written, torn: Torn): void {
  const { extent } = written;
  const [from, to] = sectorsOf(written);
  for (let sector = from; sector < to;) {
    const isThere = torn.has(sector), start = sector;
    while (sector < to && torn.has(sector) === isThere) sector++;
    if (!isThere) continue;
    image.put(
      extent,
      Math.max(extent.offset, start * sectorBytes),
      Math.min(extent.end, sector * sectorBytes),
    );
  }
  if (torn.sized && image.length < extent.end) image.resize(extent.end);
}
