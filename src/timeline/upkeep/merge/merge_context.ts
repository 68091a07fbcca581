/**
 * What merging needs of its timeline, which another thread has too.
 *
 * @module
 */

import type { Host } from "../../../io/mod.ts";
import type { Objects } from "../../../objects/mod.ts";
import type { MergeWindows } from "./merge_windows.ts";
import type { Redoer } from "../../redo/redo.ts";

/** What merging needs of its timeline. */
export interface MergeContext {
  /** The outside world. */
  readonly host: Pick<Host, "turns" | "random">;
  /** Where layers lie. */
  readonly objects: Objects;
  /** The store's id, 32 hexadecimal digits. */
  readonly storeId: string;
  /** The timeline's id. */
  readonly id: number;
  /** How often the store was opened for writing. */
  readonly generation: number;
  /** Windows of merges on this thread; left out, each has one of its own. */
  readonly windows?: MergeWindows | undefined;
  /** What makes values of patches; left out, nothing does. */
  readonly redoer?: Redoer | undefined;
}
