/**
 * Walking layers side by side as if they were one.
 *
 * @module
 */

import { assert, compareKeys } from "../../base/mod.ts";
import type { StoredLayer } from "../layer.ts";
import type { PageSource, VersionBlock, VersionCursor } from "../version_cursor.ts";
import { pageCursor } from "./page_cursor.ts";
import { RowOrder } from "./row_order.ts";

/** A cursor over the versions of several layers. */
export interface RunCursor extends VersionCursor {
  /** The layer that the rows come from at which it stands; valid when it has settled and not ended. */
  readonly layer: StoredLayer;
}

/**
 * Walks the versions of stored layers one layer after the other. A key may have versions in two of them if those of the
 * first one are older. Versions that are out of order, or outside of what their layer states, are damage (O1).
 *
 * @param layers Layers that do not overlap by (key, LSN), in order; at least one. Some may have no versions.
 */
export function runCursor(layers: readonly StoredLayer[]): RunCursor {
  let last: Uint8Array | undefined;
  for (const { description: { versions, firstKey, lastKey } } of layers) {
    // One without versions has no keys, and stands anywhere.
    if (versions === 0) continue;
    assert(last === undefined || compareKeys(last, firstKey) <= 0, "layers of a run are in order");
    last = lastKey;
  }
  return new LayersCursor(layers);
}

class LayersCursor implements RunCursor {
  readonly #layers: readonly StoredLayer[];
  #number = 0;
  #cursor: VersionCursor;

  constructor(layers: readonly StoredLayer[]) {
    this.#layers = layers;
    this.#cursor = orderedCursor(layers[0]);
  }

  get layer(): StoredLayer {
    return this.#layers[this.#number];
  }

  get block(): VersionBlock {
    return this.#cursor.block;
  }

  get at(): number {
    return this.#cursor.at;
  }

  get end(): number {
    return this.#cursor.end;
  }

  get ended(): boolean {
    return this.#cursor.ended && this.#number === this.#layers.length - 1;
  }

  settle(pages: PageSource): boolean {
    for (;;) {
      if (!this.#cursor.settle(pages)) return false;
      if (!this.#cursor.ended || this.#number === this.#layers.length - 1) return true;
      this.#cursor = orderedCursor(this.#layers[++this.#number]);
    }
  }

  step(rows?: number): void {
    this.#cursor.step(rows);
  }

  readAhead(pages: PageSource): void {
    this.#cursor.readAhead?.(pages);
  }
}

function orderedCursor(layer: StoredLayer): VersionCursor {
  return pageCursor(layer, {}, new RowOrder(layer.description));
}
