/**
 * Whole stores with one part that lies and checks: an index page, a manifest, an unsealed segment. Nothing tells such a
 * lie from the truth in every case; but it costs bounded time and memory, ends in no error but a typed one, and no value
 * is given out that its key never had.
 */

import { CorruptionError, type Timeline, VarveError } from "../../../mod.ts";
import { pageBytes } from "../../../src/base/mod.ts";
import { fileSeed } from "../../../src/layer/formats/file_seed.ts";
import { pageSeed, PageType, stampPage } from "../../../src/layer/formats/page_format.ts";
import { decodeFooter, type LayerDescription } from "../../../src/layer/mod.ts";
import { RecyclingEngine } from "../recycling_engine.ts";
import { block, type Disk, type Golden, openOn, type TimelineTruth } from "./golden.ts";
import { lyingManifest } from "./manifest_parsers.ts";
import { lyingSegment } from "./block_parsers.ts";
import { type Parser, promise } from "./parser.ts";

const decoder = new TextDecoder();
const report = { damage: "report" } as const;

/** All of them. */
export function storeParsers(
  { closed, killed }: { readonly closed: Golden; readonly killed: Golden },
): Parser[] {
  const manifests = lyingManifest("store", closed.disk, (path, bytes) => readStore(closed, path, bytes));
  return [pageParser(closed), manifests, segmentParser(killed)];
}

/** Reads a store in every way, with something else in the place of a file. */
async function readStore({ disk, timelines }: Golden, path: string, bytes: Uint8Array): Promise<boolean> {
  const before = disk.contents(path);
  disk.put(path, bytes);
  try {
    return await readDisk(disk, timelines);
  } finally {
    disk.put(path, before);
  }
}

/** Reads everything; returns whether nothing is damaged. */
async function readDisk(disk: Disk, timelines: readonly TimelineTruth[]): Promise<boolean> {
  await using engine = new RecyclingEngine({ disk });
  await using store = await openOn(disk, true, engine);
  const there = new Set(store.timelines().map(({ name }) => name));
  let errors = 0;
  for (const truth of timelines.filter(({ name }) => there.has(name))) {
    errors += await readTimeline(store.timeline(truth.name), truth);
  }
  return errors === 0;
}

/** Reads a timeline in every way; returns how often damage was reported. */
async function readTimeline(timeline: Timeline, truth: TimelineTruth): Promise<number> {
  const keys = [...truth.keys.keys()], [some] = keys;
  const found = [
    await readAll(truth, timeline.getVectored(keys, report)),
    await readAll(truth, timeline.scan({}, report)),
    await readAll(truth, timeline.scan({ reverse: true, limit: 20 }, report)),
    await readAll(truth, timeline.history(some, report), some),
    await timeline.count().then(() => 0, countDamage),
  ];
  return found.reduce((sum, errors) => sum + errors, 0);
}

function countDamage(error: unknown): 1 {
  if (!(error instanceof CorruptionError)) throw error;
  return 1;
}

/** What a stream may give: an entry, a version, or why there is none. */
type Item =
  & { readonly key?: Uint8Array }
  & ({ readonly error: Error } | { readonly value: Uint8Array | undefined });

async function readAll({ keys }: TimelineTruth, stream: ReadableStream<Item>, own?: string): Promise<number> {
  const most = 4096;
  let items = 0, errors = 0;
  try {
    for await (const item of stream) {
      promise(++items <= most, "a stream ends");
      if ("error" in item) errors += countDamage(item.error);
      else if (item.value !== undefined) {
        const value = item.value.toHex(), key = own ?? decoder.decode(item.key);
        const isOne = keys.get(key)?.some((version) => version.value?.toHex() === value) ?? false;
        promise(isOne, `${key} never had the value that it is given`);
      }
    }
  } catch (error) {
    errors += countDamage(error);
  }
  return errors;
}

/** Index pages of layers, in their own place or in that of another one. */
function pageParser(golden: Golden): Parser {
  const pages: { path: string; layer: LayerDescription; number: number; bytes: Uint8Array }[] = [];
  for (const path of golden.sealed) {
    const file = golden.disk.contents(path), layer = decodeFooter(file.subarray(-block))!;
    for (let number = 0; number < layer.indexPages; number++) {
      const at = layer.valuesEnd + number * pageBytes;
      pages.push({ path, layer, number, bytes: file.slice(at, at + pageBytes) });
    }
  }
  return {
    name: "store with a page that lies",
    corpus: pages.map(({ bytes }) => bytes),
    byteLength: pageBytes,
    refusals: [],
    parse: async (bytes, random) => {
      const { path, layer, number } = random.pick(pages);
      bytes[4] = PageType.INDEX;
      stampPage(bytes, pageSeed(fileSeed(layer.fileId), number));
      const file = golden.disk.contents(path);
      file.set(bytes, layer.valuesEnd + number * pageBytes);
      return await readStore(golden, path, file);
    },
  };
}

/** The unsealed segment of a store that was not closed, with other records. */
function segmentParser(golden: Golden): Parser {
  const path = golden.disk.paths().find((name) =>
    name.endsWith(".seg") && golden.disk.contents(name).length === 2 ** 16
  )!;
  const file = golden.disk.contents(path);
  return {
    name: "store with a segment that lies",
    corpus: [file.slice(block, 6 * block)],
    refusals: [VarveError],
    parse: async (bytes) => {
      const lying = lyingSegment(file, bytes);
      const before = golden.disk.contents(path);
      golden.disk.put(path, lying);
      try {
        await using engine = new RecyclingEngine({ disk: golden.disk });
        await using store = await openOn(golden.disk, true, engine);
        const timeline = store.timeline("side");
        promise(timeline.lastLsn >= 0 && await timeline.count() >= 0, "a store that opens is read");
        return true;
      } finally {
        golden.disk.put(path, before);
      }
    },
  };
}
