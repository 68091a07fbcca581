/**
 * A disk in memory that knows what a loss of power may leave of it.
 *
 * ```
 *   underWay:  asked for, not over      ─► may have happened, wholly, in part or not at all
 *   pending:   over, readers see it     ─► may be lost, in any subset, torn at any sector, or leave a length alone
 *   durable:   synced                   ─► is there, whatever happens
 * ```
 *
 * - Behind a length that is left alone stand zeros, or what stood on the disk before.
 * - A name is durable when the directory that it is in is synced, data and length when the file is.
 * - A rename is atomic and volatile: after a crash the old name stands, or the new one, or both.
 * - A file without a name goes on for who has it open.
 *
 * @module
 */

import { IoError } from "../../base/mod.ts";
import { type Choices, dullChoices } from "../choices.ts";
import type { Asked } from "./asked.ts";
import { chooseFates, rootAfter, volatileOf } from "./crash.ts";
import { type CrashOptions, crashStatesOf } from "./crash_states.ts";
import { Extent } from "./image.ts";
import { arrived, evict } from "./killed.ts";
import { SimDirectory, type SimNode } from "./sim_directory.ts";
import { SimInode } from "./sim_inode.ts";
import { stateHash } from "./state_hash.ts";
import { namesOf, nodeAt, spotAt, TreeCopy, walk } from "./tree.ts";

/** See the top of the file. */
export class SimDisk {
  /**
   * The directory `/`.
   *
   * @internal
   */
  readonly root: SimDirectory;
  /**
   * What was asked for and is not over, in order.
   *
   * @internal
   */
  readonly underWay: Set<Asked> = new Set();
  /**
   * What is locked: by how many who share it, or without end if by one alone.
   *
   * @internal
   */
  readonly locked: Map<SimNode, number> = new Map();
  /** How many bytes the files that have a name may have together; what would be more is refused with `ENOSPC`. */
  capacity: number = Infinity;
  #time = 0;

  /**
   * Makes a disk on which there are directories and no files.
   *
   * @param directories The paths of the directories, with their parents, all durable. The default is `/store`.
   * @param root What stands on it instead.
   */
  constructor(directories: readonly string[] = ["/store"], root: SimDirectory = new SimDirectory()) {
    this.root = root;
    for (const path of directories) this.#directoryOf(namesOf(path));
  }

  /** The time by which what happens is ordered: it is later after every change. */
  get time(): number {
    return this.#time;
  }

  /** Makes a file hold bytes, durably, with its directories. */
  put(path: string, bytes: Uint8Array): void {
    const names = namesOf(path), name = names.pop() as string;
    const inode = new SimInode();
    inode.writeDurably(new Extent(0, bytes.slice()));
    this.#directoryOf(names).bindDurably(name, inode);
  }

  #directoryOf(names: readonly string[]): SimDirectory {
    let at = this.root;
    for (const name of names) {
      let next = at.current.get(name);
      if (next === undefined) at.bindDurably(name, next = new SimDirectory());
      if (next.kind === "file") throw new TypeError(`Cannot make directory "${name}": a file stands there`);
      at = next;
    }
    return at;
  }

  /** What a file holds for its readers. */
  contents(path: string): Uint8Array<ArrayBuffer> {
    return this.file(path, "read").current.bytes();
  }

  /** The paths of all files, sorted. */
  paths(): string[] {
    return this.#pathsOf("file");
  }

  /** The paths of all directories but `/`, sorted. */
  directories(): string[] {
    return this.#pathsOf("directory").filter((path) => path !== "/");
  }

  /** How many bytes there is room for: each file takes its length. */
  get freeBytes(): number {
    return Math.max(0, this.capacity - this.paths().reduce((sum, path) => sum + this.#lengthOf(path), 0));
  }

  #lengthOf(path: string): number {
    return this.file(path, "measure").current.length;
  }

  /**
   * Throws with `ENOSPC` if a file would become longer than there is room for.
   *
   * @internal
   */
  checkRoom(asked: Extract<Asked, { inode: SimInode }>, path: string): void {
    if (this.capacity === Infinity) return;
    const end = asked.kind === "write" ? asked.offset + asked.bytes.length : asked.length;
    const more = end - asked.inode.current.length;
    if (more > 0 && more > this.freeBytes) throw new IoError({ code: "ENOSPC", operation: "write", path });
  }

  #pathsOf(kind: SimNode["kind"]): string[] {
    return [...walk(this.root)].filter(([, node]) => node.kind === kind).map(([path]) => path).sort();
  }

  /**
   * What stands at a path. Throws with `ENOENT` if nothing does, and with `ENOTDIR` if a file stands in its way.
   *
   * @internal
   */
  node(path: string, operation: string): SimNode {
    return nodeAt(this.root, path, operation);
  }

  /**
   * The file at a path. Throws with `EISDIR` if it is a directory.
   *
   * @internal
   */
  file(path: string, operation: string): SimInode {
    const node = this.node(path, operation);
    if (node.kind === "file") return node;
    throw new IoError({ code: "EISDIR", operation, path });
  }

  /**
   * The directory at a path. Throws with `ENOTDIR` if it is a file.
   *
   * @internal
   */
  directory(path: string, operation: string): SimDirectory {
    const node = this.node(path, operation);
    if (node.kind === "directory") return node;
    throw new IoError({ code: "ENOTDIR", operation, path });
  }

  /**
   * Does what was asked; it is over then.
   *
   * @throws {IoError} If it cannot be done.
   * @internal
   */
  apply(asked: Asked): void {
    this.underWay.delete(asked);
    switch (asked.kind) {
      case "write":
        return this.#write(asked.inode, new Extent(asked.offset, asked.bytes.slice()), asked.durable);
      case "resize": {
        const { inode, length, grow } = asked;
        return inode.resize(this.#time++, length, grow);
      }
      case "create":
        return this.#create(asked.path);
      case "remove":
        return this.#remove(asked.path);
      case "rename":
        return this.#rename(asked.from, asked.to);
      case "make directory":
        return this.#makeDirectory(asked.path);
    }
  }

  #write(inode: SimInode, extent: Extent, durable: boolean): void {
    if (extent.bytes.length === 0) return;
    if (durable) inode.writeDurably(extent);
    else inode.write(this.#time++, extent);
  }

  #create(path: string): void {
    const { directory, name } = spotAt(this.root, path, "create");
    if (directory.current.has(name)) throw new IoError({ code: "EEXIST", operation: "create", path });
    directory.bind(this.#time++, name, new SimInode());
  }

  #remove(path: string): void {
    const node = this.node(path, "remove");
    if (node.kind === "directory" && node.current.size > 0) {
      throw new IoError({ code: "ENOTEMPTY", operation: "remove", path });
    }
    const { directory, name } = spotAt(this.root, path, "remove");
    directory.bind(this.#time++, name, undefined);
  }

  #rename(from: string, to: string): void {
    const inode = this.file(from, "rename");
    const old = spotAt(this.root, from, "rename"), next = spotAt(this.root, to, "rename");
    const replaced = next.directory.current.get(next.name);
    if (replaced?.kind === "directory") {
      throw new IoError({ code: "EISDIR", operation: "rename", path: from });
    }
    if (replaced === inode) return;
    const binding = next.directory.bind(this.#time++, next.name, inode);
    old.directory.bind(this.#time++, old.name, undefined, binding);
  }

  #makeDirectory(path: string): void {
    let at = this.root;
    const names = namesOf(path);
    names.forEach((name, i) => {
      let next = at.current.get(name);
      if (next === undefined) at.bind(this.#time++, name, next = new SimDirectory());
      if (next.kind === "directory") return at = next;
      const code = i === names.length - 1 ? "EEXIST" : "ENOTDIR";
      throw new IoError({ code, operation: "make directory", path });
    });
  }

  /** The same disk again, to be changed apart: with what is pending and what is under way, without locks. */
  clone(): SimDisk {
    const copy = new TreeCopy();
    const other = new SimDisk([], copy.of(this.root));
    other.#time = this.#time;
    other.capacity = this.capacity;
    for (const asked of this.underWay) {
      if (!("inode" in asked)) other.underWay.add(asked);
      else if (asked.kind === "resize") other.underWay.add({ ...asked, inode: copy.of(asked.inode) });
      else other.underWay.add({ ...asked, inode: copy.of(asked.inode), bytes: asked.bytes.slice() });
    }
    return other;
  }

  /** A number that tells what readers see on this disk from what they see on others, names and bytes. */
  hash(): number {
    return stateHash(this.root);
  }

  /** What may be left after a loss of power now, by choice; choices that are all 0 lose nothing. */
  crash(choices: Choices): SimDisk {
    const { root } = this.#withAllOver();
    return new SimDisk([], rootAfter(root, chooseFates(volatileOf(root), choices)));
  }

  /** What may be left after a loss of power now: every state, or where there are too many, the telling ones. */
  *crashStates(options: CrashOptions = {}): Generator<SimDisk, void, void> {
    const { root } = this.#withAllOver();
    for (const state of crashStatesOf(root, options)) yield new SimDisk([], state);
  }

  /** The same disk when all that was under way has happened, of which anything may be lost all the same. */
  #withAllOver(): SimDisk {
    return this.underWay.size === 0 ? this : this.killed();
  }

  /**
   * What is left when the process is killed now: what was written is there, and is not durable. Of what was under way
   * each may have happened, wholly, in part or not at all; by default all of it has.
   */
  killed(choices: Choices = dullChoices): SimDisk {
    const left = this.clone();
    const underWay = [...left.underWay];
    left.underWay.clear();
    for (const asked of arrived(underWay, choices)) left.#applyUnacknowledged(asked);
    for (const [, node] of walk(left.root)) if (node.kind === "file") evict(node, choices);
    return left;
  }

  /** Does what nobody was told of: it is not durable, and if it cannot be done, nobody is told either. */
  #applyUnacknowledged(asked: Asked): void {
    try {
      this.apply(asked.kind === "write" ? { ...asked, durable: false } : asked);
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
    }
  }
}
