/** Waits for what a program does, and judges how it ends. */

import { IoError, PoisonedError } from "../../../mod.ts";
import { deadline } from "../../deadline.ts";

const mostPending = 30;

/** See the top of the file. */
export class Watch {
  /** Errors for which there is no reason. */
  readonly findings: unknown[] = [];
  /** Whether the store is being closed, so that what goes on may be refused. */
  isClosing = false;
  readonly #isDisturbed: () => boolean;
  #pending: Promise<void>[] = [];

  /** Starts with nothing pending; `isDisturbed` tells whether anything failed on purpose since the store was opened. */
  constructor(isDisturbed: () => boolean) {
    this.#isDisturbed = isDisturbed;
  }

  /** Waits for work, at once or later; either way its failure is judged. */
  async take(now: boolean, work: Promise<void>): Promise<void> {
    const judged = this.bounded(work).catch((error) => this.judge(error));
    if (now) return await judged;
    this.#pending.push(judged);
    if (this.#pending.length > mostPending) await this.settle();
  }

  /** Waits for all that is pending. */
  async settle(): Promise<void> {
    while (this.#pending.length > 0) await Promise.all(this.#pending.splice(0));
  }

  /** Waits for work, which may not hang. */
  bounded<T>(work: Promise<T>): Promise<T> {
    return deadline(work);
  }

  /** An error is a finding unless something failed on purpose and it says so, down to its first cause: by now, or before. */
  judge(error: unknown, wasDisturbed: boolean = false): void {
    if (error instanceof AggregateError) {
      return error.errors.forEach((each) => this.judge(each, wasDisturbed));
    }
    if (this.isClosing && error instanceof Deno.errors.BadResource) return;
    if (!(wasDisturbed || this.#isDisturbed()) || !isOfSystem(error)) this.findings.push(error);
  }

  /** Throws the first finding. */
  check(): void {
    if (this.findings.length > 0) throw this.findings[0];
  }
}

/** Whether an error is the system's, or that of a writer which one of those ended. */
function isOfSystem(error: unknown): boolean {
  return error instanceof IoError || error instanceof PoisonedError && isOfSystem(error.cause);
}
