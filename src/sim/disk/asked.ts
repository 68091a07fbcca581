/**
 * What a disk is asked to change, as a value, so that what is under way can be told from what is over.
 *
 * @module
 */

import type { SimInode } from "./sim_inode.ts";

/** What a disk is asked to change. */
export type Asked =
  | {
    readonly kind: "write";
    readonly inode: SimInode;
    readonly offset: number;
    /** The memory of whoever asks. */
    readonly bytes: Uint8Array;
    /** Whether the bytes, and the length where they extend the file, are durable when it is over. */
    readonly durable: boolean;
  }
  | {
    readonly kind: "resize";
    readonly inode: SimInode;
    readonly length: number;
    /** Whether a longer file stays as it is. */
    readonly grow: boolean;
  }
  | { readonly kind: "create" | "remove" | "make directory"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string };
