/** What the programs have in common: how they speak, and how they append the planned history. */

import type { StoreOptions, Timeline } from "../../../../mod.ts";
import { PlannedHistory } from "../planned_history.ts";

const encoder = new TextEncoder();

/** Says a line: one small write, which a pipe takes whole or not at all. */
export function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line.replaceAll("\n", " ")}\n`));
}

/** What a program is to do, as its argument says. */
export interface Order extends StoreOptions {
  /** The store's directory. */
  readonly path: string;
  /** The seed of its history. */
  readonly historySeed: number;
  /** What the program does by. */
  readonly seed: number;
}

/** The order, and the options of `Store.open` in it: all that the program does not name as its own. */
export function takeOrder<Its extends Order = Order>(
  ...own: readonly string[]
): { order: Its; opening: StoreOptions } {
  const order: Its = JSON.parse(Deno.args[0]);
  const names = ["path", "historySeed", "seed", ...own];
  const opening = Object.fromEntries(Object.entries(order).filter(([name]) => !names.includes(name)));
  return { order, opening };
}

/** Appends the planned history to a timeline, and says what comes of it. */
export class Writer {
  readonly #planned: PlannedHistory;
  readonly #timeline: Timeline;

  /** Writes to a timeline, from wherever that ends, and says where. */
  constructor(timeline: Timeline, historySeed: number) {
    this.#planned = new PlannedHistory(historySeed, timeline.name);
    this.#timeline = timeline;
    say(`opened ${timeline.name} ${this.lastBatch}`);
  }

  /** The timeline. */
  get timeline(): Timeline {
    return this.#timeline;
  }

  /** The batch that it ends with; −1 if that is none of those planned. */
  get lastBatch(): number {
    return this.#planned.batchAt(this.#timeline.lastLsn) ?? -1;
  }

  /** What was planned. */
  get planned(): PlannedHistory {
    return this.#planned;
  }

  /** Appends the next batch. */
  async append(sync: boolean): Promise<void> {
    const batch = this.lastBatch + 1, lsn = this.#planned.askedLsn(batch);
    this.#sayIssued(batch);
    try {
      const at = await this.#timeline.append(this.#planned.changesAt(batch), { lsn, sync });
      if (sync) this.#sayDurable(at);
    } catch (error) {
      // One that was not applied is not issued: closing makes durable what is.
      this.#sayIssued(this.lastBatch);
      throw error;
    }
  }

  /** Makes durable what was appended. */
  async sync(): Promise<void> {
    this.#sayDurable(await this.#timeline.sync());
  }

  #sayIssued(batch: number): void {
    say(`issued ${this.#timeline.name} ${batch}`);
  }

  #sayDurable(lsn: number): void {
    say(`durable ${this.#timeline.name} ${this.#planned.batchAt(lsn) ?? -1}`);
  }
}
