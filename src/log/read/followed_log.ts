/**
 * A log that is only read, and follows its writer in another process: what that has written since is read, made durable,
 * and only then shown.
 *
 * @module
 */

import { CorruptionError, hasCode, type Lsn } from "../../base/mod.ts";
import { goesOn, Waiters } from "../../segment/mod.ts";
import { homeOf, type LogContext, logState } from "../log_context.ts";
import { LogSegment } from "../log_segment.ts";
import {
  checkNamed,
  type LogScans,
  newLogScans,
  type RecoveredLog,
  type RecoveredLogSegment,
  recoverLog,
} from "../recover_log.ts";

import type { LogSource } from "./log_source.ts";

/** How often it looks before it believes in damage: a writer may go on meanwhile. */
const attempts = 4;
/** How often it looks if each time records were given up meanwhile, and their files with them. */
const mostAttempts = 64;

/** A log that another process may write. */
export class FollowedLog implements LogSource {
  /** The segments there are, oldest first. */
  all: LogSegment[] = [];
  /** Who waits for the next record. */
  readonly waiters: Waiters = new Waiters();
  readonly #context: LogContext;
  #scans: LogScans = newLogScans();
  #read: readonly RecoveredLogSegment[] = [];
  #lastLsn: Lsn = 0;
  #horizon: Lsn = 0;
  #running: Promise<void> | undefined;

  private constructor(context: LogContext) {
    this.#context = context;
  }

  /** Reads what there is. */
  static async open(context: LogContext): Promise<FollowedLog> {
    const log = new FollowedLog(context);
    await log.#refresh(true);
    return log;
  }

  /** The LSN of the last record that is shown. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** What is shown is durable. */
  get durableLsn(): Lsn {
    return this.#lastLsn;
  }

  /** The LSN up to which records were given up. */
  get horizon(): Lsn {
    return this.#horizon;
  }

  /** Reads what was written meanwhile, for all who ask while it runs. */
  refresh(): Promise<void> {
    return this.#running ??= this.#refresh(false).finally(() => this.#running = undefined);
  }

  async #refresh(isDoubted: boolean): Promise<void> {
    let horizon = this.#horizon;
    for (let count = 1, still = 1;; count++) {
      try {
        return await this.#readAnew(isDoubted || count > 1);
      } catch (error) {
        // Whatever failed, nothing goes on from what may not be so: all is read again then.
        this.#scans = newLogScans();
        if (!(error instanceof CorruptionError) && !hasCode(error, "ENOENT")) throw error;
        const now = logState(this.#context).horizon;
        if (now === horizon && still++ === attempts || count === mostAttempts) throw error;
        horizon = now;
      }
    }
  }

  async #readAnew(isDoubted: boolean): Promise<void> {
    const context = this.#context, { manifest, objects } = context;
    const isNew = await manifest.refresh(homeOf(context), () => {});
    if (!isDoubted && !isNew && !await this.#hasMore()) return;
    const recovered = await recoverLog(context, this.#scans);
    if (isDoubted) await checkNamed(context);
    // What was read was written by then: once the files are synced it stays, whether its writer syncs or not.
    for (const { object } of recovered.segments) await objects.datasync(object, "read");
    if (recovered.lastLsn < this.#lastLsn) {
      const expected = `records up to offset ${this.#lastLsn - 1}, as they were read before`;
      const found = `records up to offset ${recovered.lastLsn - 1}`;
      throw new CorruptionError({ path: objects.directory, offset: 0, expected, found });
    }
    this.#show(recovered);
  }

  async #hasMore(): Promise<boolean> {
    const last = this.#read.at(-1);
    if (last === undefined) return logState(this.#context).segments.some(({ witness }) => !witness?.isEnd);
    return await goesOn(this.#context.objects, last);
  }

  /** Takes what was read; segments that were there before stay the same. */
  #show({ ended, segments, lastLsn }: RecoveredLog): void {
    const known = new Map(this.all.map((segment) => [segment.description.sequence, segment]));
    const live = segments.map(({ segment, object, end: valuesEnd, lastLsn, index: places, times }) =>
      new LogSegment(segment, object, { valuesEnd, lastLsn }, { places, times })
    );
    this.all = [...ended, ...live].map((now) => {
      const before = known.get(now.description.sequence);
      if (before === undefined) return now;
      before.endAt({ valuesEnd: now.valuesEnd, lastLsn: now.lastLsn });
      before.live = now.live;
      return before;
    });
    this.#read = segments;
    this.#horizon = logState(this.#context).horizon;
    this.#lastLsn = lastLsn;
    this.waiters.wake();
  }
}
