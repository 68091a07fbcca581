/** Every IO mode with every engine, for the benches of Varve alone. */

import type { Variant } from "./peers/varve/request.ts";

/** The variants, those with the most direct IO first. */
export const variants: readonly Variant[] = (["direct-rw", "direct", "buffered"] as const).flatMap((ioMode) =>
  (["uring", "threads", "node"] as const).map((ioEngine) => ({ ioMode, ioEngine }))
);

/** The name of a variant, as `bench:peers` has it too. */
export function variantName({ ioMode, ioEngine }: Variant): string {
  return `${ioMode}:${ioEngine}`;
}
