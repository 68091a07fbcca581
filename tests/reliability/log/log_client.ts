/**
 * A client of a log on a machine, with readers in its process and one in another, which remembers what it issued and what
 * it was told, at the instant at which it is told. So that at any moment it can be said what a crash may leave.
 */

import { type Log, type LogEntry, type LogOptions, OffsetError } from "../../../log.ts";
import { Random } from "../../random.ts";
import type { Actor } from "../simulated/moments.ts";
import type { Machine } from "../simulated/machine.ts";
import {
  checkEnds,
  endsOf,
  type IssuedRecord,
  knownAfter,
  type KnownLog,
  nothingKnown,
} from "./log_known.ts";
import { checkEntry, checkRead } from "./log_oracle.ts";

/** Somebody who follows a log, and the offset of the record that comes next. */
class Follower {
  readonly reader: ReadableStreamDefaultReader<LogEntry>;
  /** The read that waits for the next record. */
  asked: Promise<ReadableStreamReadResult<LogEntry>> | undefined;
  next: number;

  constructor(log: Log, from: number) {
    this.reader = log.readable({ from, follow: true }).getReader();
    this.next = from;
  }

  /** Asks for the next record, if nobody waits for it. */
  ask(): Promise<ReadableStreamReadResult<LogEntry>> {
    const asked = this.asked ??= this.reader.read();
    // Who takes it is told what fails.
    asked.catch(() => {});
    return asked;
  }
}

/** See the top of the file. */
export class LogClient implements Actor<KnownLog> {
  readonly #machine: Machine;
  readonly #options: LogOptions;
  #records: IssuedRecord[] = [];
  #issued = 0;
  #floor = 0;
  #first: [number, number] = [0, 0];
  #numbers = 0;
  #log: Log | undefined;
  #followers: Follower[] = [];
  /** A reader in another process, and who follows there. */
  #other: { log: Log; follower: Follower } | undefined;
  /** Whether there are other processes: what a sync of theirs may lose of what this one wrote, this one is not told. */
  readonly #hasOthers: boolean;

  /** Stands before a log that is closed. */
  constructor(machine: Machine, options: LogOptions, known: KnownLog = nothingKnown, hasOthers = true) {
    this.#machine = machine;
    this.#options = options;
    this.#hasOthers = hasOthers;
    this.#adopt(known);
  }

  #adopt({ records, issued, floor, first }: KnownLog): void {
    this.#records = records.slice(0, issued);
    this.#issued = issued;
    this.#floor = floor;
    this.#first = [...first];
  }

  /** See {@linkcode Actor.known}. */
  known(): KnownLog {
    this.#hear();
    return { records: this.#records, issued: this.#issued, floor: this.#floor, first: [...this.#first] };
  }

  /** Hears what the log says is durable, and where it begins, and what is shown in another process. */
  #hear(): void {
    this.#floor = Math.max(this.#floor, this.#log?.durableOffset ?? 0, this.#other?.log.nextOffset ?? 0);
    const first = Math.max(this.#first[0], this.#log?.firstOffset ?? 0);
    this.#first = [
      first,
      Math.max(this.#first[1], first, this.#log !== undefined && this.#retains ? this.#floor : 0),
    ];
  }

  get #retains(): boolean {
    return this.#options.retain !== undefined;
  }

  /** Whether it is open. */
  get isOpen(): boolean {
    return this.#log !== undefined;
  }

  #opened(): Log {
    if (this.#log === undefined) throw new Error("the log is closed");
    return this.#log;
  }

  /** Opens the log if it is closed, and checks that it begins and ends where it may. */
  async open(): Promise<void> {
    if (this.#log !== undefined) return;
    const log = await this.#machine.openLog(this.#options), known = this.known(), ends = endsOf(log, known);
    // What is too old may be given up before anybody looks.
    const most = this.#retains ? log.durableOffset : known.first[1];
    try {
      checkEnds(ends, { ...known, first: [known.first[0], most] });
    } catch (error) {
      await log.close();
      throw error;
    }
    this.#adopt(knownAfter(known, ends));
    this.#log = log;
  }

  /** Ends readers and closes the log: whoever closes and hears of no failure has lost nothing. */
  async close(): Promise<void> {
    const log = this.#log;
    await this.closeReader();
    if (log === undefined) return;
    this.#hear();
    for (const { reader } of this.#followers.splice(0)) await reader.cancel().catch(() => {});
    this.#machine.called();
    await log.close().finally(() => {
      this.#hear();
      this.#log = undefined;
    });
    this.#floor = this.#issued;
  }

  /** Appends records of these lengths; what is applied is there when the call returns. */
  async append(lengths: readonly number[], sync = false): Promise<void> {
    const log = this.#opened(), offset = log.nextOffset, milliseconds = this.#machine.host.clock.now();
    for (const length of lengths) {
      const number = this.#numbers++, payload = new Random(number).bytes(length);
      this.#records.push({ payload, number, milliseconds });
    }
    this.#issued = this.#records.length;
    this.#machine.called();
    const appended = log.append(this.#records.slice(offset).map(({ payload }) => payload), { sync });
    if (log.nextOffset !== this.#issued) {
      if (log.nextOffset !== offset) {
        throw new Error(`${log.nextOffset - offset} of ${lengths.length} were appended`);
      }
      this.#records.length = this.#issued = offset;
    }
    const found = await appended;
    if (found !== offset) throw new Error(`appended at offset ${found}, and not ${offset}`);
    if (sync) this.#floor = Math.max(this.#floor, offset + lengths.length);
  }

  /** Syncs; what was appended before it is durable. */
  async sync(): Promise<void> {
    const log = this.#opened(), { nextOffset } = log;
    this.#machine.called();
    const durable = await log.sync();
    if (durable < nextOffset) throw new Error(`a sync says ${durable} of ${nextOffset}`);
    this.#floor = Math.max(this.#floor, durable);
  }

  /** Gives up what stands before an offset, as a share of what there is. */
  async truncate(share: number): Promise<void> {
    const log = this.#opened(), offset = this.#offsetAt(share);
    this.#first = [this.#first[0], Math.max(this.#first[1], offset)];
    this.#machine.called();
    await log.truncateBefore(offset);
    if (log.firstOffset < offset) throw new Error(`it begins at ${log.firstOffset}, and not at ${offset}`);
    this.#first = [Math.max(this.#first[0], offset), this.#first[1]];
    this.#floor = Math.max(this.#floor, offset);
  }

  #offsetAt(share: number): number {
    const { firstOffset, nextOffset } = this.#opened();
    return firstOffset + Math.floor(share * (nextOffset - firstOffset + 1));
  }

  /** Sets the clock. */
  tick(milliseconds: number): void {
    this.#machine.host.clock.adjust(milliseconds);
  }

  /** Reads on from an offset to the end, and on from a date. */
  async read(share: number): Promise<void> {
    const log = this.#opened(), from = this.#offsetAt(share), to = log.nextOffset;
    this.#machine.called();
    await checkRead(log, this.#records, from, to);
    const milliseconds = this.#records[Math.min(from, this.#issued - 1)]?.milliseconds ?? 0;
    const found = await log.offsetAt(new Date(milliseconds));
    const early = this.#records.findIndex((record, i) =>
      i >= log.firstOffset && record.milliseconds >= milliseconds
    );
    if (early >= 0 && found > early) throw new Error(`from ${found} on by date, and not from ${early}`);
  }

  /** Has somebody more follow. */
  follow(share: number): void {
    this.#followers.push(new Follower(this.#opened(), this.#offsetAt(share)));
  }

  /** Has everybody who follows take records, and wait for one more. */
  async take(count: number): Promise<void> {
    const log = this.#opened();
    for (const follower of this.#followers.slice()) {
      try {
        await this.#take(follower, Math.min(log.nextOffset, follower.next + count));
        follower.ask();
      } catch (error) {
        this.#followers.splice(this.#followers.indexOf(follower), 1);
        // Who was overtaken by what was given up is told so.
        if (!(error instanceof OffsetError) || follower.next >= log.firstOffset) throw error;
      }
    }
  }

  /** Takes records up to an offset, which come without anything else being done. */
  async #take(follower: Follower, to: number): Promise<void> {
    while (follower.next < to) {
      const { value } = await follower.ask();
      follower.asked = undefined;
      if (value === undefined) throw new Error(`the stream ended at offset ${follower.next} of ${to}`);
      checkEntry(value, follower.next++, this.#records);
    }
  }

  /** Has another process follow, and be shown at least what is durable. */
  async readElsewhere(): Promise<void> {
    if (!this.#hasOthers) return;
    const log = this.#opened();
    this.#machine.called();
    try {
      this.#other ??= await this.#openElsewhere();
      await this.#take(this.#other.follower, this.#floor);
    } catch (error) {
      // A process that only reads may learn what was given up before the writer says it.
      const { next } = this.#other?.follower ?? { next: Infinity };
      const first = Math.max(log.firstOffset, this.#other?.log.firstOffset ?? 0);
      await this.closeReader();
      if (!(error instanceof OffsetError) || next >= first) throw error;
    }
  }

  async #openElsewhere(): Promise<{ log: Log; follower: Follower }> {
    const log = await this.#machine.openLog({ readOnly: true });
    return { log, follower: new Follower(log, log.firstOffset) };
  }

  /** Closes the log in the other process. */
  async closeReader(): Promise<void> {
    const other = this.#other;
    this.#hear();
    this.#other = undefined;
    await other?.follower.reader.cancel().catch(() => {});
    await other?.log.close();
  }
}
