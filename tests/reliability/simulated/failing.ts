/** A system that fails: how an operation can, and which errors are explained by that. */

import { IoError, PoisonedError } from "../../../mod.ts";
import type { Fault, FaultPlan, Operation } from "../../../src/sim/mod.ts";

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

const syncs: ReadonlySet<Operation> = new Set<Operation>(["datasync", "sync"]);

/** One way to fail. */
export interface Manner {
  readonly code: string;
  /** Whether what was to be synced is lost, and is seen all the same. */
  readonly isLost: boolean;
  /** Whether every operation from then on fails. */
  readonly forEver: boolean;
  mayFail(operation: Operation): boolean;
}

const codes: readonly string[] = ["EIO", "ENOSPC", "EDQUOT", "EMFILE", "EINTR"];
/** Every way. */
export const manners: readonly Manner[] = [false, true].flatMap((forEver): Manner[] => [
  ...codes.map((code): Manner => ({
    code,
    isLost: false,
    forEver,
    mayFail: (operation) => mayFailWith(operation, code),
  })),
  { code: "EIO", isLost: true, forEver, mayFail: (operation) => syncs.has(operation) },
]);

/** Fails the nth operation of those that may, or all from it on. */
export class NthFault implements FaultPlan {
  /** The operations that failed. */
  readonly fired: Operation[] = [];
  /** How many operations were asked for that may fail. */
  operations = 0;
  readonly #nth: number;
  readonly #manner: Manner;
  #isOver = false;

  constructor(nth: number, manner: Manner) {
    this.#nth = nth;
    this.#manner = manner;
  }

  /** Nothing fails any more. */
  end(): void {
    this.#isOver = true;
  }

  faultOf(operation: Operation): Fault | undefined {
    const { code, isLost, forEver, mayFail } = this.#manner;
    if (this.#isOver || !mayFail(operation)) return undefined;
    const at = ++this.operations;
    if (at < this.#nth || !forEver && at > this.#nth) return undefined;
    this.fired.push(operation);
    return { kind: isLost ? "lost sync" : "error", code };
  }
}
