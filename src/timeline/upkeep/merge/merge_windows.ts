/**
 * Windows of merges that come one after another: what one leaves is the next one's, so that its memory is touched once
 * and not with every merge.
 *
 * @module
 */

import { MergeWindow, type WindowLimits, windowLimits } from "./merge_window.ts";

/** See the top of the file. */
export class MergeWindows {
  readonly #keeps: boolean;
  #spare: MergeWindow | undefined;

  /**
   * Has none yet.
   *
   * @param keeps Whether one is kept that is given back. Otherwise its memory is given up.
   */
  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** Takes a window. */
  take(limits: WindowLimits = windowLimits): MergeWindow {
    const spare = this.#spare;
    if (spare === undefined || limits !== windowLimits) return new MergeWindow(limits);
    this.#spare = undefined;
    spare.forget();
    return spare;
  }

  /** Takes a window back, which nobody uses any more. One that had to grow for a long record, or chain, is given up. */
  giveBack(window: MergeWindow): void {
    const isKept = this.#keeps && this.#spare === undefined && window.isUsual;
    if (isKept) this.#spare = window;
    else window.end();
  }
}
