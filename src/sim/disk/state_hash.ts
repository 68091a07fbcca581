/**
 * A hash of what readers see on a disk.
 *
 * @module
 */

import { Mix } from "../mix.ts";
import type { SimDirectory } from "./sim_directory.ts";

/** The hash of a directory and all that is below it. */
export function stateHash(root: SimDirectory): number {
  const mix = new Mix();
  addDirectory(root, mix);
  return mix.value;
}

function addDirectory({ current }: SimDirectory, mix: Mix): void {
  mix.add(current.size);
  for (const name of [...current.keys()].sort()) {
    const node = current.get(name);
    mix.addText(name);
    mix.add(node?.kind === "file" ? 1 : 2);
    if (node?.kind === "file") node.current.sums((sum) => mix.add(sum));
    else if (node !== undefined) addDirectory(node, mix);
  }
}
