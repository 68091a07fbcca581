/**
 * What a read needs beside its question: files, pages and buffers.
 *
 * @module
 */

import { CorruptionError, IoError, pageBytes } from "../base/mod.ts";
import type { BufferPool, IoEngine, Transfer } from "../io/mod.ts";
import type { CachedPages, PageCache, SealedFile } from "../layer/mod.ts";
import type { FileCache, FileLease } from "../objects/mod.ts";

/** What the reads of a store share. */
export interface ReadContext {
  /** What reads. */
  readonly engine: IoEngine;
  /** Buffers of one read batch each. */
  readonly pool: BufferPool;
  /** Open files. */
  readonly files: FileCache;
  /** Pages of indexes and bloom filters. */
  readonly pages: PageCache;
  /** What offsets and lengths of reads are multiples of, in bytes. */
  readonly alignment: number;
  /** Counts of what was done. */
  readonly counters: ReadCounters;
}

/** What the reads of a store did so far. */
export interface ReadCounters {
  /** Keys that were asked for. */
  keys: number;
  /** Transfers that were issued for values. */
  valueReads: number;
  /** Bytes that they transferred. */
  valueReadBytes: number;
  /** Transfers that were issued for pages. */
  pageReads: number;
}

/** Leases on the files that one read has used, kept until it ends. */
export class ReadLeases implements Disposable {
  readonly #files: FileCache;
  readonly #leases = new Map<string, FileLease>();

  /** Starts without a lease. */
  constructor(files: FileCache) {
    this.#files = files;
  }

  /** The lease on a file, if there is one. */
  get(path: string): FileLease | undefined {
    return this.#leases.get(path);
  }

  /** Leases a file, once. */
  async acquire(path: string): Promise<FileLease> {
    const known = this.#leases.get(path);
    if (known !== undefined) return known;
    const lease = await this.#files.acquire(path).catch((error) => {
      throw isMissing(error) ? missing(path, error) : error;
    });
    const raced = this.#leases.get(path);
    if (raced !== undefined) {
      lease[Symbol.dispose]();
      return raced;
    }
    this.#leases.set(path, lease);
    return lease;
  }

  /** Lets go of every file. */
  [Symbol.dispose](): void {
    for (const lease of this.#leases.values()) lease[Symbol.dispose]();
    this.#leases.clear();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof IoError && error.code === "ENOENT";
}

function missing(path: string, cause: unknown): CorruptionError {
  const expected = "a file that the manifest names";
  return new CorruptionError({ path, offset: 0, expected, found: "no file", cause });
}

/** A page of a sealed file that is needed; number −1 is the footer. */
export interface PageNeed {
  /** The file. */
  readonly file: SealedFile;
  /** The page. */
  readonly number: number;
}

/** The number that stands for a file's footer. */
export const footerNumber: number = -1;

const largestRun = 32;

interface PageRun {
  readonly file: SealedFile;
  readonly first: number;
  readonly count: number;
}

/** Pages that were read for one question, and why others could not be. */
export class FetchedPages {
  readonly #pages = new Map<CachedPages, Map<number, Uint8Array>>();
  readonly #failures = new Map<SealedFile, Map<number, Error>>();

  /** A page that was read. */
  page(file: SealedFile, number: number): Uint8Array | undefined {
    return this.#pages.get(file.cached)?.get(number);
  }

  /** Why a page could not be read. */
  failure(file: SealedFile, number: number): Error | undefined {
    return this.#failures.size === 0 ? undefined : this.#failures.get(file)?.get(number);
  }

  /** Keeps a page. */
  keep(file: SealedFile, number: number, page: Uint8Array): void {
    let pages = this.#pages.get(file.cached);
    if (pages === undefined) this.#pages.set(file.cached, pages = new Map());
    pages.set(number, page);
  }

  /** Notes why a page cannot be had. */
  fail(file: SealedFile, number: number, error: Error): void {
    let failures = this.#failures.get(file);
    if (failures === undefined) this.#failures.set(file, failures = new Map());
    failures.set(number, error);
  }
}

/**
 * Reads pages in one batch, neighbours in one transfer, checks them and keeps them.
 *
 * @param context What reads.
 * @param leases Leases of the question.
 * @param needs Which pages; each once.
 * @param fetched Where pages and failures go.
 * @param keepCached Whether the cache keeps them too.
 */
export async function fetchPages(
  context: ReadContext,
  leases: ReadLeases,
  needs: readonly PageNeed[],
  fetched: FetchedPages,
  keepCached = true,
): Promise<void> {
  await leaseAll(leases, needs, fetched);
  const runs = planPageRuns(needs.filter((need) => leases.get(need.file.path) !== undefined));
  const perBuffer = Math.floor(context.pool.bufferBytes / pageBytes);
  let from = 0;
  while (from < runs.length) {
    let pages = 0, to = from;
    while (to < runs.length && pages + runs[to].count <= perBuffer) pages += runs[to++].count;
    await fetchRuns(context, leases, runs.slice(from, to), fetched, keepCached);
    from = to;
  }
}

async function leaseAll(
  leases: ReadLeases,
  needs: readonly PageNeed[],
  fetched: FetchedPages,
): Promise<void> {
  const missing = new Set<SealedFile>();
  for (const need of needs) {
    if (leases.get(need.file.path) === undefined) missing.add(need.file);
  }
  if (missing.size === 0) return;
  const failures = new Map<SealedFile, Error>();
  await Promise.all(
    [...missing].map((file) => leases.acquire(file.path).catch((error) => failures.set(file, error))),
  );
  for (const need of needs) {
    const failure = failures.get(need.file);
    if (failure !== undefined) fetched.fail(need.file, need.number, failure);
  }
}

/** Sorts pages by place and joins neighbours. Pure. */
function planPageRuns(needs: PageNeed[]): PageRun[] {
  needs.sort((a, b) => a.file === b.file ? a.number - b.number : a.file.path < b.file.path ? -1 : 1);
  const runs: PageRun[] = [];
  for (const need of needs) {
    const last = runs.at(-1);
    const adjoins = last !== undefined && last.file === need.file && last.first >= 0 &&
      need.number === last.first + last.count && last.count < largestRun;
    if (adjoins) runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ file: need.file, first: need.number, count: 1 });
  }
  return runs;
}

async function fetchRuns(
  context: ReadContext,
  leases: ReadLeases,
  runs: readonly PageRun[],
  fetched: FetchedPages,
  keepCached: boolean,
): Promise<void> {
  const buffer = await context.pool.take();
  try {
    let at = 0;
    const batch: Transfer[] = [];
    for (const run of runs) {
      const length = run.count * pageBytes;
      const isFooter = run.first === footerNumber;
      batch.push({
        file: (leases.get(run.file.path) as FileLease).file,
        offset: isFooter ? run.file.footerOffset : run.file.pageOffset(run.first),
        bytes: buffer.bytes.subarray(at, at + (isFooter ? pageBytes / 2 : length)),
        done: 0,
        error: undefined,
      });
      at += length;
    }
    context.counters.pageReads += batch.length;
    await context.engine.read(batch);
    for (let i = 0; i < runs.length; i++) acceptRun(context, runs[i], batch[i], fetched, keepCached);
  } finally {
    buffer.release();
  }
}

function acceptRun(
  context: ReadContext,
  run: PageRun,
  transfer: Transfer,
  fetched: FetchedPages,
  keepCached: boolean,
): void {
  for (let i = 0; i < run.count; i++) {
    const number = run.first + i;
    try {
      if (transfer.error !== undefined) throw transfer.error;
      if (number === footerNumber) {
        run.file.acceptFooter(transfer.bytes.subarray(0, transfer.done));
        continue;
      }
      const page = transfer.bytes.slice(i * pageBytes, (i + 1) * pageBytes);
      if (transfer.done < (i + 1) * pageBytes) throw endsEarly(run.file, transfer.offset + transfer.done);
      run.file.checkPage(number, page);
      fetched.keep(run.file, number, page);
      if (keepCached) context.pages.put(run.file.cached, number, page);
    } catch (error) {
      fetched.fail(run.file, number, error as Error);
    }
  }
}

function endsEarly(file: SealedFile, offset: number): CorruptionError {
  return new CorruptionError({
    path: file.path,
    offset,
    expected: `a file of ${file.byteLength} bytes`,
    found: "its end",
  });
}
