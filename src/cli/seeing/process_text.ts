/** What `varve top` shows of the process that writes a store, from the metrics that it publishes. */

import type { Latency } from "../../base/mod.ts";
import type { PublishedMetrics, StoreMetrics } from "../../store/mod.ts";
import type { BackPressure } from "../../timeline/mod.ts";
import { escapeText } from "../terminal/escape.ts";
import { formatBytes, formatCount, formatMilliseconds } from "../terminal/quantity.ts";
import { renderTable } from "../terminal/table.ts";

const unknown = "–";

/** How fast the process that writes a store works, by the second. */
export interface ProcessRates {
  /** Batches that it appended. */
  readonly batches: number;
  /** Changes in them. */
  readonly changes: number;
  /** Bytes of their records. */
  readonly bytes: number;
  /** Syncs. */
  readonly syncs: number;
  /** Keys that reads asked for. */
  readonly keysRead: number;
  /** Reads of the disk, of pages and of values. */
  readonly diskReads: number;
  /** The share of pages that were found in the cache; none if none were looked for. */
  readonly pageHits: number | undefined;
  /** The share of records that gets found in it; none if none were looked for. */
  readonly recordHits: number | undefined;
}

/** How fast a process worked between two times at which it told; `undefined` if it told nothing new, or began anew. */
export function processRates(
  before: PublishedMetrics | undefined,
  after: PublishedMetrics | undefined,
): ProcessRates | undefined {
  if (before === undefined || after === undefined) return undefined;
  const seconds = (after.time - before.time) / 1000, then = before.metrics, now = after.metrics;
  const isOne = now.batches >= then.batches && now.keysRead >= then.keysRead && now.syncs >= then.syncs;
  if (seconds <= 0 || !isOne) return undefined;
  const grown = (name: CountName) => now[name] - then[name];
  const share = (hits: number, misses: number) => hits + misses === 0 ? undefined : hits / (hits + misses);
  return {
    batches: grown("batches") / seconds,
    changes: grown("changes") / seconds,
    bytes: grown("bytes") / seconds,
    syncs: grown("syncs") / seconds,
    keysRead: grown("keysRead") / seconds,
    diskReads: (grown("valueReads") + grown("pageReads")) / seconds,
    pageHits: share(grown("cacheHits"), grown("cacheMisses")),
    recordHits: share(grown("cacheValueHits"), grown("cacheValueMisses")),
  };
}

/** The metrics that are numbers. */
type CountName = { [Name in keyof StoreMetrics]: StoreMetrics[Name] extends number ? Name : never }[
  keyof StoreMetrics
];

/** Why appends wait, in words. */
const reasons: Readonly<Record<BackPressure, string>> = {
  none: "appends do not wait",
  buffers: "appends wait for a write: the buffers are full",
  seal: "appends wait for a seal: frozen layers take too much memory",
  held: "appends are held until a job of upkeep ends",
  slowed: "appends are slowed, so that upkeep keeps up",
};

/** All that is known of the process, in tables. Without rates it has told nothing before. */
export function processText(
  { metrics }: PublishedMetrics,
  timeline: string,
  rates: ProcessRates | undefined,
): string {
  const { memory, latencies, upkeep: { [timeline]: upkeep } } = metrics;
  const { writeBytes, writeBudgetBytes, cachePageBytes, cacheRecordBytes, cacheBudgetBytes } = memory;
  const cached = `${formatBytes(cachePageBytes + cacheRecordBytes)} of ${formatBytes(cacheBudgetBytes)}`;
  const { slowedMilliseconds, heldMilliseconds } = upkeep;
  const waited = `so far slowed ${seconds(slowedMilliseconds)}, held ${seconds(heldMilliseconds)}`;
  const facts = [
    [
      "ingest",
      `${perSecond(rates?.changes)} changes`,
      `${perSecond(rates?.batches)} batches`,
      rates === undefined ? unknown : `+${formatBytes(Math.round(rates.bytes))}/s`,
      `${perSecond(rates?.syncs)} syncs`,
    ],
    ["reads", `${perSecond(rates?.keysRead)} keys`, `${perSecond(rates?.diskReads)} of the disk`],
    [
      "cache",
      cached,
      `${percent(rates?.pageHits)} of pages found`,
      `${percent(rates?.recordHits)} of records`,
    ],
    [
      "memory",
      `${formatBytes(memory.totalBytes)} in all`,
      `${formatBytes(writeBytes)} of ${formatBytes(writeBudgetBytes)} to write`,
      `${formatBytes(memory.upkeepBytes)} of merging`,
    ],
    ["upkeep", upkeepWords[upkeep.state] ?? unknown, reasons[upkeep.backPressure] ?? unknown, waited],
  ];
  const times = Object.entries(latencyWords).map(([name, words]) =>
    latencyRow(words, latencies[name as keyof typeof latencyWords])
  );
  return `${renderTable(facts)}\n${
    renderTable([["", "p50", "p99", "p99.9", "most", "in a minute"], ...times])
  }`;
}

/** What matters most of the process, in parts of a line. */
export function processWords(
  { metrics: { latencies, upkeep } }: PublishedMetrics,
  timeline: string,
  rates: ProcessRates | undefined,
): string[] {
  const { append, get } = latencies,
    p99 = ({ count, p99Milliseconds }: Latency) =>
      count === 0 ? unknown : formatMilliseconds(p99Milliseconds);
  return [
    `changes ${perSecond(rates?.changes)}`,
    `reads ${perSecond(rates?.keysRead)}`,
    `cache ${percent(rates?.pageHits)}`,
    `p99 append ${p99(append)} get ${p99(get)}`,
    `back-pressure ${escapeText(upkeep[timeline].backPressure)}`,
  ];
}

/** What upkeep does, in words. */
const upkeepWords: Readonly<Record<StoreMetrics["upkeep"][string]["state"], string>> = {
  idle: "idle",
  manual: "manual",
  queued: "waits for another timeline",
  merging: "merging",
  full: "lacks room, descriptors or memory",
  failed: "failed, tries again",
  damaged: "layers are damaged",
  ended: "ended",
};

const latencyWords: Readonly<Record<keyof StoreMetrics["latencies"], string>> = {
  append: "append",
  sync: "sync",
  get: "get",
  diskRead: "disk read",
};

function latencyRow(words: string, latency: Latency): string[] {
  const { count, p50Milliseconds, p99Milliseconds, p999Milliseconds, mostMilliseconds } = latency;
  if (count === 0) return [words, unknown];
  const times = [p50Milliseconds, p99Milliseconds, p999Milliseconds, mostMilliseconds];
  return [words, ...times.map(formatMilliseconds), formatCount(count)];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** A rate as people read it: `+12/s`. */
export function perSecond(rate: number | undefined): string {
  return rate === undefined ? unknown : `+${formatCount(Math.round(rate))}/s`;
}

function percent(share: number | undefined): string {
  return share === undefined ? unknown : `${(100 * share).toFixed(0)} %`;
}
