/**
 * Setting the length of a file of a simulated engine.
 *
 * @module
 */

import { IoError } from "../../base/mod.ts";
import type { Asked } from "../disk/asked.ts";
import type { SimDisk } from "../disk/sim_disk.ts";
import type { Calls } from "./calls.ts";
import { checkOffset, type SimFile } from "./sim_file.ts";

/**
 * Sets the length of a file, or reserves room for it and never makes it shorter.
 *
 * @throws {IoError} `EBADF`, if it is open for reading alone; `ENOSPC`, if the disk has no room for it.
 */
export function resize(
  calls: Calls,
  disk: SimDisk,
  file: SimFile,
  operation: "truncate" | "allocate",
  length: number,
): Promise<void> {
  const { inode, path, isWritable } = file, grow = operation === "allocate";
  checkOffset(file, operation, length);
  if (!isWritable) throw new IoError({ code: "EBADF", operation, path, offset: length });
  const asked: Asked = { kind: "resize", inode, length, grow };
  return calls.run(operation, path, `${length}`, asked, () => {
    disk.checkRoom(asked, path);
    if (!grow || length > inode.current.length) disk.apply(asked);
  });
}
