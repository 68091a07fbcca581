/**
 * Inspecting a file that is shorter than it should be: that it is cut is told once, and not again for every page that
 * is not there.
 *
 * @module
 */

import type { Inspector } from "./finding.ts";

/**
 * An inspector that is told of nothing behind the end of a file.
 *
 * @param inspector Who is told of the rest.
 * @param path The file.
 * @param byteLength Where it ends.
 */
export function beforeEnd(inspector: Inspector, path: string, byteLength: number): Inspector {
  return {
    turns: inspector.turns,
    check: () => inspector.check(),
    read: (bytes) => inspector.read(bytes),
    found: (damage) => {
      const { offset, length = 0, error } = damage;
      const isInside = (damage.path ?? error.path) !== path || offset === undefined || offset < byteLength;
      if (!isInside) return;
      const isOver = offset !== undefined && offset + length > byteLength;
      inspector.found(isOver ? { ...damage, length: byteLength - offset } : damage);
    },
  };
}
