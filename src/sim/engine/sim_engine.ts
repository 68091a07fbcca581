/**
 * An engine on a simulated disk: it does what the contract of engines says, fails what it is told to fail, holds what it
 * is told to hold, and dies on command.
 *
 * ```
 *   call ─► checked ─► fault asked for ─► under way ─► parked by the schedule ─► done on the disk ─► promise settles
 * ```
 *
 * Without a schedule every operation completes in a microtask, in order. Transfers of a batch are operations of their
 * own. There are no links, and locking a directory leaves no file `lock` in it.
 *
 * @module
 */

import { blockBytes, IoError } from "../../base/mod.ts";
import type {
  DirectAlignment,
  DirectSupport,
  EngineName,
  IoEngine,
  IoFile,
  LeaseKind,
  OpenOptions,
  PathLock,
  SupportRequest,
  Transfer,
  WriteOptions,
} from "../../io/mod.ts";
import type { Asked } from "../disk/asked.ts";
import { SimDisk } from "../disk/sim_disk.ts";
import { namesOf } from "../disk/tree.ts";
import { promptSchedule, type SimSchedule } from "../host/sim_schedule.ts";
import { type FaultPlan, ListedFaults } from "./faults.ts";
import { drain, type HeldWrite } from "./held_write.ts";
import { Calls } from "./calls.ts";
import { resize } from "./resize.ts";
import { checkOffset, SimFile } from "./sim_file.ts";
import { joinLock, SimLock } from "./sim_lock.ts";
import { SimTransfers } from "./sim_transfers.ts";

/** What a simulated engine is made of. */
export interface SimEngineOptions {
  /** The disk. The default is a new one with a directory `/store`. */
  disk?: SimDisk | undefined;
  /** What goes wrong. The default is nothing until it is listed. */
  faults?: FaultPlan | undefined;
  /** When operations complete. The default is at once. */
  schedule?: SimSchedule | undefined;
  /** What direct transfers must be aligned to. The default is 4096 for both. */
  alignment?: DirectAlignment | undefined;
}

/** See the top of the file. */
export class SimEngine implements IoEngine {
  /** See {@linkcode IoEngine.name}. */
  readonly name: EngineName = "sim";
  /** The disk. */
  readonly disk: SimDisk;
  readonly #alignment: DirectAlignment;
  readonly #calls: Calls;
  readonly #transfers: SimTransfers;
  readonly #open = new Set<IoFile>();
  readonly #locks = new Set<PathLock>();

  /** Makes an engine, alive and with nothing open. */
  constructor(options: SimEngineOptions = {}) {
    const { disk = new SimDisk(), faults = new ListedFaults(), schedule = promptSchedule } = options;
    this.disk = disk;
    this.#alignment = options.alignment ?? { memory: blockBytes, offset: blockBytes };
    this.#calls = new Calls(disk, faults, schedule);
    this.#transfers = new SimTransfers(disk, this.#calls, this.#alignment, (file) => this.#own(file));
  }

  /** What goes wrong. */
  get faults(): FaultPlan {
    return this.#calls.faults;
  }

  set faults(plan: FaultPlan) {
    this.#calls.faults = plan;
  }

  /** Called when an operation is under way and nothing of it has happened, and again when it is over. */
  get observe(): (operation: string) => void {
    return this.#calls.observe;
  }

  set observe(observe: (operation: string) => void) {
    this.#calls.observe = observe;
  }

  /** What was asked for, in order, such as `write 0+4096 durable`. What changes nothing is not recorded. */
  get log(): string[] {
    return this.#calls.log;
  }

  /** Takes the log and starts a new one. */
  takeLog(): string[] {
    return this.#calls.log.splice(0);
  }

  /** How many files are open. */
  get openFiles(): number {
    return this.#open.size;
  }

  /** Whether writes wait for the test. */
  get hold(): boolean {
    return this.#transfers.hold;
  }

  set hold(hold: boolean) {
    this.#transfers.hold = hold;
  }

  /** Writes that wait or waited for the test, in the order in which they were issued. */
  get held(): HeldWrite[] {
    return this.#transfers.held;
  }

  /** Writes that wait for the test and have not ended. */
  get inFlight(): HeldWrite[] {
    return this.held.filter(({ state }) => state !== "done");
  }

  /** Lets every write go that waits, and those that follow. */
  async finishAll(): Promise<void> {
    this.hold = false;
    for (const write of this.inFlight) await write.finish();
    await drain();
  }

  /**
   * Kills the process: nothing that is in flight is ever over, no later call is answered, and its locks are free. What
   * was under way stays so on the disk; {@linkcode SimDisk.killed} says what may have become of it.
   */
  kill(): void {
    this.#calls.kill();
    for (const lock of this.#locks) void lock.release();
  }

  /** See {@linkcode IoEngine.allocateMemory}. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    this.#calls.checkRunning();
    if (byteLength > 0 && byteLength % blockBytes === 0) return new Uint8Array(byteLength);
    throw new RangeError(
      `Cannot allocate ${byteLength} bytes: expected a positive multiple of ${blockBytes}`,
    );
  }

  /** See {@linkcode IoEngine.open}. */
  open(path: string, options: OpenOptions): Promise<IoFile> {
    const asked: Asked | undefined = options.create === true ? { kind: "create", path } : undefined;
    const words = `${nameOf(path)}${asked === undefined ? "" : " create"}`;
    return this.#calls.run("open", path, words, asked, () => {
      if (path.includes("\0")) throw new IoError({ code: "EINVAL", operation: "open", path });
      if (asked !== undefined) this.disk.apply(asked);
      const file = new SimFile(path, options, this.disk.file(path, "open"));
      this.#open.add(file);
      return file;
    });
  }

  /** See {@linkcode IoEngine.close}. */
  close(file: IoFile): Promise<void> {
    return this.#on(file, () => {
      return this.#calls.pass("close", file.path, nameOf(file.path), undefined, (fault) => {
        // A system that says that closing failed has closed all the same.
        this.#open.delete(this.#own(file));
        this.#calls.throwError(fault, "close", file.path);
      });
    });
  }

  /** See {@linkcode IoEngine.size}. */
  size(file: IoFile): Promise<number> {
    return this.#on(file, ({ inode, path }) => {
      return this.#calls.run("size", path, "", undefined, () => inode.current.length);
    });
  }

  /** See {@linkcode IoEngine.nextData}. */
  nextData(file: IoFile, offset: number): Promise<number> {
    return this.#on(file, ({ inode, path }) => {
      checkOffset(file, "measure", offset);
      return this.#calls.run("nextData", path, "", undefined, () => inode.current.nextData(offset));
    });
  }

  /** See {@linkcode IoEngine.read}. */
  read(batch: readonly Transfer[]): Promise<void> {
    return this.#transfers.read(batch);
  }

  /** See {@linkcode IoEngine.write}. */
  write(batch: readonly Transfer[], options?: WriteOptions): Promise<void> {
    return this.#transfers.write(batch, options?.durable === true);
  }

  /** See {@linkcode IoEngine.datasync}. */
  datasync(file: IoFile): Promise<void> {
    return this.#on(file, ({ inode, path }) => this.#calls.sync("datasync", path, "", () => inode));
  }

  /** See {@linkcode IoEngine.sync}. */
  sync(file: IoFile): Promise<void> {
    return this.#on(file, ({ inode, path }) => this.#calls.sync("sync", path, nameOf(path), () => inode));
  }

  /** See {@linkcode IoEngine.truncate}. */
  truncate(file: IoFile, length: number): Promise<void> {
    return this.#on(file, (own) => resize(this.#calls, this.disk, own, "truncate", length));
  }

  /** See {@linkcode IoEngine.allocate}. */
  async allocate(file: IoFile, length: number): Promise<boolean> {
    await this.#on(file, (own) => resize(this.#calls, this.disk, own, "allocate", length));
    return true;
  }

  /** See {@linkcode IoEngine.rename}. */
  rename(from: string, to: string): Promise<void> {
    const asked: Asked = { kind: "rename", from, to };
    const words = `${nameOf(from)} ${nameOf(to)}`;
    return this.#calls.run("rename", from, words, asked, () => this.disk.apply(asked));
  }

  /** See {@linkcode IoEngine.remove}. */
  remove(path: string): Promise<void> {
    const asked: Asked = { kind: "remove", path };
    return this.#calls.run("remove", path, nameOf(path), asked, () => this.disk.apply(asked));
  }

  /** See {@linkcode IoEngine.makeDirectory}. */
  makeDirectory(path: string): Promise<void> {
    const asked: Asked = { kind: "make directory", path };
    return this.#calls.run("makeDirectory", path, nameOf(path), asked, () => {
      this.disk.apply(asked);
      settleParents(this.disk, path);
    });
  }

  /** See {@linkcode IoEngine.list}. */
  list(path: string): Promise<string[]> {
    const names = () => [...this.disk.directory(path, "list").current.keys()].sort();
    return this.#calls.run("list", path, "", undefined, names);
  }

  /** See {@linkcode IoEngine.freeBytes}. A disk without end does not say. */
  freeBytes(path: string): Promise<number | undefined> {
    if (this.disk.capacity === Infinity) return Promise.resolve(undefined);
    return this.#calls.run("freeBytes", path, "", undefined, () => this.disk.freeBytes);
  }

  /** See {@linkcode IoEngine.syncDirectory}. */
  syncDirectory(path: string): Promise<void> {
    return this.#calls.sync("syncDirectory", path, "", () => this.disk.directory(path, "sync directory"));
  }

  /** See {@linkcode IoEngine.resolve}. */
  resolve(path: string): Promise<string> {
    return this.#calls.run("resolve", path, "", undefined, () => resolved(this.disk, path));
  }

  /** See {@linkcode IoEngine.lock}. */
  lock(path: string): Promise<PathLock> {
    return this.lease(path, "alone");
  }

  /** See {@linkcode IoEngine.join}. */
  join(path: string): Promise<PathLock> {
    return this.#calls.run("lock", path, "", undefined, () => joinLock(this.disk, path));
  }

  /** See {@linkcode IoEngine.lease}. */
  lease(path: string, kind: LeaseKind): Promise<PathLock> {
    return this.#calls.run("lock", path, "", undefined, () => {
      const lock = new SimLock(this.disk, path, kind);
      return this.#locks.add(lock), lock;
    });
  }

  /** See {@linkcode IoEngine.support}. */
  support(directory: string, { write }: SupportRequest): Promise<DirectSupport> {
    return this.#calls.run("support", directory, "", undefined, () => {
      void this.disk.directory(directory, "support");
      return { read: true, write, alignment: this.#alignment, notes: [] };
    });
  }

  /** See {@linkcode IoEngine.shutdown}. */
  async shutdown(): Promise<void> {
    await this.#calls.shutdown();
    this.#open.clear();
  }

  /** Does something to an open file; what is wrong with it is a rejection. */
  #on<T>(file: IoFile, work: (own: SimFile) => Promise<T>): Promise<T> {
    return Promise.try(() => work(this.#own(file)));
  }

  #own(file: IoFile): SimFile {
    this.#calls.checkRunning();
    if (this.#open.has(file)) return file as SimFile;
    throw new Deno.errors.BadResource(`Cannot use "${file.path}": it is not open in this engine`);
  }
}

/** Makes the names of what a path leads through durable. */
function settleParents(disk: SimDisk, path: string): void {
  const names = namesOf(path);
  names.forEach((_, i) =>
    disk.directory(`/${names.slice(0, i).join("/")}`, "sync directory").settle(disk.time)
  );
}

function resolved(disk: SimDisk, path: string): string {
  void disk.node(path, "resolve");
  return `/${namesOf(path).join("/")}`;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
