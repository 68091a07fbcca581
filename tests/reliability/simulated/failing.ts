/** A system that fails: how an operation can, and which errors are explained by that. */

import { IoError, PoisonedError } from "../../../mod.ts";
import type { Operation } from "../../../src/sim/mod.ts";

/** What needs room on a disk. */
const needRoom: ReadonlySet<Operation> = new Set<Operation>([
  "open",
  "write",
  "allocate",
  "rename",
  "makeDirectory",
  "truncate",
  "datasync",
  "sync",
  "syncDirectory",
  "close",
]);
/** What needs a descriptor. */
const needDescriptor: ReadonlySet<Operation> = new Set<Operation>([
  "open",
  "list",
  "lock",
  "support",
  "makeDirectory",
  "syncDirectory",
]);

/** What a full disk may refuse without ending writing for good. */
const survivors: ReadonlySet<string> = new Set<Operation>(["open", "write", "allocate"]);

/** Whether writing goes on after a full disk has refused an operation. */
export function survivesFullDisk(operation: string): boolean {
  return survivors.has(operation);
}

/** Whether an operation can fail with a code. */
export function mayFailWith(operation: Operation, code: string): boolean {
  if (code === "ENOSPC" || code === "EDQUOT") return needRoom.has(operation);
  return code !== "EMFILE" || needDescriptor.has(operation);
}

/** Whether an error comes of errors of the system with one of these codes, down to its first cause. */
export function isExplained(error: unknown, codes: ReadonlySet<string>): boolean {
  if (error instanceof AggregateError) return error.errors.every((each) => isExplained(each, codes));
  if (error instanceof PoisonedError) return isExplained(error.cause, codes);
  return error instanceof IoError && codes.has(error.code);
}
