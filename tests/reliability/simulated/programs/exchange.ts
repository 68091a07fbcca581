/** Two directories with a store in each that take each other's names, as somebody renames them by hand. */

import type { SimDisk } from "../../../../src/sim/mod.ts";

const names = ["store", "other"] as const;

/** The path of the other store. */
export const otherPath = "/other";

/** Has `/store` and `/other` stand in each other's place, durably; returns whether both were there. */
export function exchange({ root }: SimDisk): boolean {
  const [a, b] = names.map((name) => root.current.get(name));
  if (a === undefined || b === undefined) return false;
  root.bindDurably(names[0], b);
  root.bindDurably(names[1], a);
  return true;
}
