/**
 * What goes wrong in a simulated engine, and when.
 *
 * @module
 */

import type { IoEngine } from "../../io/mod.ts";
import { chance, type Choices, pick } from "../choices.ts";

/** The operations that can go wrong. */
export type Operation = Exclude<
  keyof IoEngine,
  "name" | "isLost" | "allocateMemory" | "discard" | "shutdown"
>;

/** What goes wrong with one operation. One that means nothing to an operation does nothing. */
export type Fault =
  | {
    /** The operation fails. With `EINTR` it is done again inside, as real engines do, and nothing fails. */
    readonly kind: "error";
    /** The errno name. */
    readonly code: string;
    /** How many bytes of a write arrive all the same. The default is none. */
    readonly arrived?: number | undefined;
  }
  | {
    /** A sync fails, what it was to make durable never will be, and readers see it all the same. */
    readonly kind: "lost sync";
    /** The errno name. */
    readonly code: string;
  }
  | {
    /** The first system call of a transfer moves so many bytes, in whole blocks if the file is direct. */
    readonly kind: "short";
    /** How many. */
    readonly bytes: number;
  }
  | {
    /** What is read has one bit changed; the disk has not. */
    readonly kind: "rot";
    /** Which, from the first bit of what is read on; it counts on from there at the end. */
    readonly bit: number;
  }
  | {
    /** What is read comes from another place of the file, so many bytes on. */
    readonly kind: "misdirected";
    /** How many; it may be negative. */
    readonly by: number;
  }
  | {
    /** What is read is all zeros, or what stood there before it was last written. */
    readonly kind: "zero" | "stale";
  };

/** Decides what goes wrong. */
export interface FaultPlan {
  /**
   * Asked before each operation, and for each transfer of a batch.
   *
   * @param operation Which operation.
   * @param path What on; of a rename, the old name.
   * @param nth How many of this operation there were with this one.
   * @returns What goes wrong with it, if anything does.
   */
  faultOf(operation: Operation, path: string, nth: number): Fault | undefined;
}

/** Operations that change nothing. */
const harmless: ReadonlySet<Operation> = new Set<Operation>([
  "read",
  "size",
  "nextData",
  "list",
  "freeBytes",
  "resolve",
  "lock",
  "support",
]);

/** Whether an operation may change something, if only what is durable or open. */
export function isChange(operation: Operation): boolean {
  return !harmless.has(operation);
}

/** Faults that a test lists. */
export class ListedFaults implements FaultPlan {
  readonly #counts = new Map<Operation, number>();
  readonly #listed = new Map<string, Fault>();
  #operations = 0;
  #failAt = Infinity;
  #code = "";

  /** How many operations were asked for that may change something. */
  get operations(): number {
    return this.#operations;
  }

  /** Has the `nth` operation of a kind go wrong, counted from 1 since the beginning. */
  set(operation: Operation, nth: number, fault: Fault): void {
    this.#listed.set(`${operation} ${nth}`, fault);
  }

  /** Fails the `nth` operation of a kind, counted from 1 since the beginning. */
  failNth(operation: Operation, nth: number, code: string): void {
    this.set(operation, nth, { kind: "error", code });
  }

  /** Fails the next operations of a kind; by default one. Each transfer of a batch is one. */
  failNext(operation: Operation, code: string, times: number = 1): void {
    const count = this.#counts.get(operation) ?? 0;
    for (let i = 1; i <= times; i++) this.failNth(operation, count + i, code);
  }

  /** Fails operation `nth` of those that may change something, counted from 1, and every one of them after it. */
  failFrom(nth: number, code: string): void {
    this.#failAt = nth;
    this.#code = code;
  }

  /** Has nothing go wrong any more. */
  calm(): void {
    this.#listed.clear();
    this.#failAt = Infinity;
  }

  /** See {@linkcode FaultPlan.faultOf}. */
  faultOf(operation: Operation, _path: string, _nth: number): Fault | undefined {
    const count = (this.#counts.get(operation) ?? 0) + 1;
    this.#counts.set(operation, count);
    if (isChange(operation)) this.#operations++;
    if (isChange(operation) && this.#operations >= this.#failAt) return { kind: "error", code: this.#code };
    return this.#listed.size === 0 ? undefined : this.#listed.get(`${operation} ${count}`);
  }
}

/** How often something goes wrong, and what. */
export interface FaultRates {
  /** One in so many operations fails. The default is 50. */
  errorOneIn?: number | undefined;
  /** The errno names that they fail with, the dullest first. */
  codes?: readonly string[] | undefined;
  /** The operations that may fail. The default is those that may change something, and `read`. */
  operations?: readonly Operation[] | undefined;
  /** One in so many reads and writes comes back short. The default is 20. */
  shortOneIn?: number | undefined;
  /** One in so many reads brings bytes that were not written. The default is none. */
  damageOneIn?: number | undefined;
}

/** What says that nothing of an operation was done. */
const notBegun: ReadonlySet<string> = new Set(["EINTR", "EMFILE", "ENFILE"]);

/** Faults by choice: with {@linkcode SeededChoices} the same seed brings the same faults to the same program. */
export class ChosenFaults implements FaultPlan {
  readonly #choices: Choices;
  readonly #rates: FaultRates;
  /** Whether nothing goes wrong at present. */
  isCalm = false;

  /** Takes what decides, and how often what goes wrong. */
  constructor(choices: Choices, rates: FaultRates = {}) {
    this.#choices = choices;
    this.#rates = rates;
  }

  /** See {@linkcode FaultPlan.faultOf}. */
  faultOf(operation: Operation, _path: string, _nth: number): Fault | undefined {
    if (this.isCalm) return undefined;
    return this.#error(operation) ?? this.#short(operation) ?? this.#damage(operation);
  }

  #error(operation: Operation): Fault | undefined {
    const { errorOneIn = 50, codes = ["EIO", "ENOSPC", "EDQUOT", "EINTR", "EMFILE"], operations } =
      this.#rates;
    const mayFail = operations?.includes(operation) ?? (operation === "read" || isChange(operation));
    if (!mayFail || !chance(this.#choices, 1, errorOneIn)) return undefined;
    const code = pick(this.#choices, codes);
    if (operation === "datasync" || operation === "sync") {
      const kind = pick(this.#choices, ["error", "lost sync"] as const);
      // A sync for which there was no descriptor has not begun, and one that was interrupted is done again.
      return { kind: notBegun.has(code) ? "error" : kind, code };
    }
    if (operation !== "write") return { kind: "error", code };
    const arrived = this.#choices.choose(3) * 4096;
    return { kind: "error", code, arrived: notBegun.has(code) ? 0 : arrived };
  }

  #short(operation: Operation): Fault | undefined {
    const { shortOneIn = 20 } = this.#rates;
    if (operation !== "read" && operation !== "write" || !chance(this.#choices, 1, shortOneIn)) {
      return undefined;
    }
    return { kind: "short", bytes: pick(this.#choices, [4096, 512, 8192, 1, 65_536]) };
  }

  #damage(operation: Operation): Fault | undefined {
    const { damageOneIn } = this.#rates;
    if (operation !== "read" || damageOneIn === undefined) return undefined;
    if (!chance(this.#choices, 1, damageOneIn)) return undefined;
    const kind = pick(this.#choices, ["rot", "zero", "stale", "misdirected"] as const);
    if (kind === "rot") return { kind, bit: this.#choices.choose(2 ** 24) };
    return kind === "misdirected" ? { kind, by: pick(this.#choices, [4096, -4096, 8192]) } : { kind };
  }
}
