/** Where programs run: in a directory through an engine, or on a disk in memory whose power fails. */

import { Store } from "../../../mod.ts";
import { chooseEngine } from "../../../src/io/choose_engine.ts";
import type { IoEngine, IoMode } from "../../../src/io/mod.ts";
import { SimDisk, SimEngine } from "../../../src/sim/mod.ts";
import type { Random } from "../../random.ts";
import { copyDirectory } from "../../store/matrix.ts";
import { FaultyEngine } from "./faulty_engine.ts";
import type { DiskAbilities } from "./steps.ts";

/** The names of disks. */
export type DiskName = "memory" | "uring" | "threads" | "node";
/** All of them. */
export const diskNames: readonly DiskName[] = ["memory", "uring", "threads", "node"];

/** What may stand where the store's directory stood. */
export type Instead = "store" | "nothing" | "directory" | "copy";

/** Where a program runs. */
export interface Disk extends DiskAbilities, AsyncDisposable {
  /** The store's directory. */
  readonly path: string;
  /** How files are opened. */
  readonly ioMode: IoMode;
  /** What the store is written through; another one after a death. */
  readonly engine: FaultyEngine;
  /** What others read it through. */
  readonly plain: IoEngine;
  /** What is left after the process, or the machine with it, died. */
  afterDeath(power: boolean, random: Random): void;
  /** The bytes of all files of segments and layers. */
  objects(): Map<string, Uint8Array>;
  /** Renames the store's directory. */
  move(instead: Instead): Promise<void>;
  /** Checks that what stands in its place was not touched, and renames it back. */
  moveBack(): void;
}

/** Why this machine cannot have a disk, if it cannot. */
export async function reasonAgainst(name: DiskName): Promise<string | undefined> {
  if (name === "memory") return undefined;
  try {
    await (await chooseEngine(name, true)).engine.shutdown();
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}

/** Makes a disk for one program. */
export async function makeDisk(name: DiskName, random: Random): Promise<Disk> {
  if (name === "memory") return new MemoryDisk();
  const { engine } = await chooseEngine(name, true);
  return new RealDisk(engine, random.pick(["buffered", "direct", "direct-rw"]));
}

class MemoryDisk implements Disk {
  readonly canMove = false;
  readonly path = "/disk/store";
  readonly ioMode = "buffered";
  #disk = new SimDisk();
  #plain = new SimEngine({ disk: this.#disk });
  #engine = this.#makeEngine();
  /** The disk as it was at the death. */
  #left = this.#disk;

  #makeEngine(): FaultyEngine {
    const engine = new FaultyEngine(this.#plain);
    engine.onDeath = () => this.#left = this.#disk.clone();
    return engine;
  }

  get engine(): FaultyEngine {
    return this.#engine;
  }

  get plain(): IoEngine {
    return this.#plain;
  }

  afterDeath(power: boolean, random: Random): void {
    const choices = { choose: (n: number) => random.below(n) };
    this.#disk = power ? this.#left.crash(choices) : this.#left.killed(choices);
    this.#plain = new SimEngine({ disk: this.#disk });
    this.#engine = this.#makeEngine();
  }

  objects(): Map<string, Uint8Array> {
    const paths = this.#disk.paths().filter((path) => path.endsWith(".seg"));
    return new Map(paths.map((path) => [path, this.#disk.contents(path)]));
  }

  move(): Promise<void> {
    throw new Error("a disk in memory renames no directories");
  }

  moveBack(): void {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

class RealDisk implements Disk {
  readonly canMove = true;
  readonly ioMode: IoMode;
  readonly engine: FaultyEngine;
  readonly plain: IoEngine;
  readonly #base = Deno.makeTempDirSync({ prefix: "varve_test_" });
  readonly path = `${this.#base}/parent/store`;
  #instead: Map<string, Uint8Array> | undefined;

  constructor(engine: IoEngine, ioMode: IoMode) {
    this.plain = engine;
    this.engine = new FaultyEngine(engine);
    this.ioMode = ioMode;
  }

  /** What was begun was drained when the store was closed: its directory is as the death left it. */
  afterDeath(): void {
    this.engine.calm();
  }

  objects(): Map<string, Uint8Array> {
    return readFiles(this.path, /\.seg$/);
  }

  async move(instead: Instead): Promise<void> {
    Deno.renameSync(this.path, `${this.#base}/away`);
    if (instead === "store") {
      await using store = await Store.open(this.path, { ioEngine: "node", ioMode: "buffered" });
      await store.timeline().append([{ key: "other", value: "store" }], { sync: true });
    } else if (instead === "directory") Deno.mkdirSync(this.path);
    else if (instead === "copy") copyDirectory(`${this.#base}/away`, this.path);
    this.#instead = readFiles(this.path, /./);
  }

  moveBack(): void {
    if (this.#instead === undefined) return;
    const found = readFiles(this.path, /./);
    // Without a directory that is held, a file may be made in the moment of the renaming; then nothing is written to it.
    for (const [path, { length }] of this.plain.name === "node" ? found : []) {
      if (length === 0 && !this.#instead.has(path)) found.delete(path);
    }
    const difference = firstDifference(this.#instead, found);
    this.#instead = undefined;
    if (difference !== undefined) throw new Error(`wrote to a directory that is not its own: ${difference}`);
    Deno.removeSync(this.path.slice(0, this.path.lastIndexOf("/")), { recursive: true });
    Deno.mkdirSync(this.path.slice(0, this.path.lastIndexOf("/")));
    Deno.renameSync(`${this.#base}/away`, this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plain.shutdown();
    Deno.removeSync(this.#base, { recursive: true });
  }
}

function readFiles(directory: string, pattern: RegExp): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const visit = (at: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(at)) {
      const path = `${at}/${name}`;
      if (isDirectory) visit(path);
      else if (pattern.test(name)) files.set(path, Deno.readFileSync(path));
    }
  };
  try {
    visit(directory);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files;
}

/** Room that was reserved, and never written, may be given up: a segment that went on nowhere is sealed then. */
export function withoutReserved(files: Map<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map(Array.from(files, ([path, bytes]) => {
    const length = bytes.findLastIndex((byte) => byte !== 0) + 1;
    return [path, bytes.subarray(0, length)];
  }));
}

/** Shortens every file to the length that it has in another place. */
export function cutTo(
  lengths: Map<string, Uint8Array>,
  files: Map<string, Uint8Array>,
): Map<string, Uint8Array> {
  return new Map(Array.from(files, ([path, bytes]) => [path, bytes.subarray(0, lengths.get(path)?.length)]));
}

/** The first file that is not the same in both, or `undefined`. */
export function firstDifference(
  before: Map<string, Uint8Array>,
  after: Map<string, Uint8Array>,
): string | undefined {
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const a = before.get(path), b = after.get(path);
    if (a === undefined || b === undefined) return `${path}, which is ${a === undefined ? "new" : "gone"}`;
    if (a.length !== b.length) return `${path} of ${a.length}, then ${b.length} bytes`;
    const at = a.findIndex((byte, i) => byte !== b[i]);
    if (at >= 0) return `${path} at ${at} of ${a.length} bytes`;
  }
  return undefined;
}
