/**
 * A Worker as the main thread has it: jobs that run there, and what they ask for.
 *
 * @module
 */

import type { WorkerLink } from "../../../io/mod.ts";
import type { LevelledLayer } from "../../../manifest/mod.ts";
import { decodeError } from "./error_message.ts";
import type { Answer, Request, Task, UpkeepSetup } from "./protocol.ts";

/** Says that a Worker ended before its job did, of which nobody knows how far it came. */
export class WorkerEnded extends Error {
  /** The name of the class. */
  override name = "WorkerEnded";
}

/** Says that a job was not begun, since patches cannot be redone there. */
export class NotRedone extends Error {
  /** The name of the class. */
  override name = "NotRedone";
}

/** What a job asks of the main thread. */
export interface JobOwner {
  /** Takes numbers of files; see `MergeWork`. */
  reserve(count: number): Promise<number>;
  /** Is told what was left undone. */
  noted(text: string): void;
  /** Is told of bytes that were copied, and held; what it throws aborts the job. */
  copied(bytes: number, heldBytes: number): void;
}

interface Job {
  readonly owner: JobOwner | undefined;
  readonly result: PromiseWithResolvers<readonly LevelledLayer[]>;
  /** Why it was aborted, if it was. */
  reason: unknown;
  isAborted: boolean;
}

/** See the top of the file. */
export class UpkeepThread {
  readonly #link: WorkerLink;
  readonly #jobs = new Map<number, Job>();
  readonly #stopped: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #onEnd: (reason: Error) => void;
  #isReady = false;
  #end: Error | undefined;
  #next = 0;

  /**
   * Has a Worker open a store.
   *
   * @param link The Worker, just started.
   * @param setup Which store.
   * @param onEnd Is told why the Worker ended, if nobody told it to, before its jobs are.
   */
  constructor(link: WorkerLink, setup: UpkeepSetup, onEnd: (reason: Error) => void) {
    this.#link = link;
    this.#onEnd = onEnd;
    link.watch((reason) => this.#endWith(reason));
    link.listen((message) => this.#take(message as Answer));
    this.#ask({ type: "open", setup });
  }

  /** Whether it opened the store. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** How many jobs run. */
  get jobs(): number {
    return this.#jobs.size;
  }

  /**
   * Has a job done.
   *
   * @param task The job.
   * @param owner Does what only the main thread can.
   * @param signal Aborts it.
   * @returns What came of it.
   * @throws {WorkerEnded} If the Worker ended before.
   * @throws What the job failed with, or why it was aborted.
   */
  async run(task: Task, owner?: JobOwner, signal?: AbortSignal): Promise<readonly LevelledLayer[]> {
    if (this.#end !== undefined) throw this.#end;
    const number = this.#next++, result = Promise.withResolvers<readonly LevelledLayer[]>();
    const job: Job = { owner, result, reason: undefined, isAborted: false };
    this.#jobs.set(number, job);
    this.#ask({ type: "do", job: number, task });
    const abort = () => this.#abort(number, job, signal?.reason);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      return await result.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Ends the Worker in order, if it has not ended; jobs that still run fail. */
  async stop(): Promise<void> {
    if (this.#end === undefined) this.#ask({ type: "stop" });
    await this.#stopped.promise;
    this.#link.terminate();
  }

  #ask(request: Request): void {
    this.#link.post(request);
  }

  #abort(number: number, job: Job, reason: unknown): void {
    if (job.isAborted) return;
    job.isAborted = true;
    job.reason = reason;
    this.#ask({ type: "abort", job: number });
  }

  #take(answer: Answer): void {
    if (this.#end !== undefined) return;
    if (answer.type === "ready") this.#isReady = true;
    else if (answer.type === "unready") this.#endWith(decodeError(answer.error));
    else if (answer.type === "stopped") this.#stopped.resolve();
    else this.#takeOf(answer);
  }

  #takeOf(answer: Extract<Answer, { readonly job: number }>): void {
    const number = answer.job, job = this.#jobs.get(number);
    if (job === undefined) return;
    if (answer.type === "reserve") return void this.#reserve(number, job, answer.count);
    if (answer.type === "noted") return job.owner?.noted(answer.text);
    if (answer.type === "copied") {
      try {
        job.owner?.copied(answer.bytes, answer.heldBytes);
      } catch (error) {
        this.#abort(number, job, error);
      }
      return;
    }
    this.#jobs.delete(number);
    if (answer.type === "unable") return job.result.reject(new NotRedone(answer.why));
    if (answer.type === "done") job.result.resolve(answer.layers);
    // One that failed before it came to stop says with what.
    else job.result.reject(answer.type === "aborted" ? whyAborted(job) : decodeError(answer.error));
  }

  async #reserve(number: number, job: Job, count: number): Promise<void> {
    try {
      const first = await job.owner?.reserve(count);
      if (first !== undefined) this.#ask({ type: "reserved", job: number, first });
    } catch (error) {
      this.#abort(number, job, error);
    }
  }

  /** Jobs fail, since nobody knows what became of them. */
  #endWith(cause: Error): void {
    if (this.#end !== undefined) return;
    this.#end = new WorkerEnded(`The Worker of upkeep ended: ${cause.message}`, { cause });
    this.#link.terminate();
    this.#stopped.resolve();
    this.#onEnd(cause);
    for (const { result } of this.#jobs.values()) result.reject(this.#end);
    this.#jobs.clear();
  }
}

function whyAborted({ isAborted, reason }: Job): unknown {
  return isAborted ? reason : new Deno.errors.BadResource("Cannot go on with upkeep: its Worker was stopped");
}
