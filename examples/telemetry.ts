// deno-lint-ignore-file no-console
/**
 * Telemetry: samples stream in, ranges of time come out. A key is made of parts, `["sensor", time]`, in whose order
 * numbers stand as numbers do.
 *
 * @module
 */

import { type Change, decodeKey, encodeKey, Store, type Timeline } from "@varve/varve";

/** What a sensor measured, and when. */
export interface Sample {
  /** The sensor's name. */
  sensor: string;
  /** Milliseconds since the epoch. */
  time: number;
  /** The measured value. */
  value: number;
}

const text = new TextDecoder();
const samplesPerBatch = 256;

/** Gathers samples into batches, each of which takes one LSN. */
function batches(): TransformStream<Sample, Change[]> {
  const batch: Change[] = [];
  return new TransformStream({
    transform({ sensor, time, value }, controller) {
      batch.push({ key: encodeKey([sensor, time]), value: `${value}` });
      if (batch.length === samplesPerBatch) controller.enqueue(batch.splice(0));
    },
    flush: (controller) => controller.enqueue(batch),
  });
}

/** Writes samples as fast as the disk takes them; all are durable when it resolves. */
export async function ingest(timeline: Timeline, samples: ReadableStream<Sample>): Promise<void> {
  await samples.pipeThrough(batches()).pipeTo(timeline.writable());
}

/** The keys of a sensor's samples from one time up to another, which is left out. */
function range(sensor: string, from: number, to: number): { start: Uint8Array; end: Uint8Array } {
  return { start: encodeKey([sensor, from]), end: encodeKey([sensor, to]) };
}

/** The average of a sensor over a range of time. */
export async function average(timeline: Timeline, sensor: string, from: number, to: number): Promise<number> {
  let sum = 0, count = 0;
  for await (const { value } of timeline.scan(range(sensor, from, to))) {
    sum += Number(text.decode(value));
    count++;
  }
  return sum / count;
}

/** How many samples there are in a range of time; none of them is read. */
export async function count(timeline: Timeline, sensor: string, from: number, to: number): Promise<number> {
  return await timeline.count(range(sensor, from, to));
}

/** When a sensor measured last. */
export async function lastTime(timeline: Timeline, sensor: string): Promise<number | undefined> {
  const all = range(sensor, -Infinity, Infinity);
  const keys = timeline.scan({ ...all, reverse: true, limit: 1, keysOnly: true });
  const [time] = await Array.fromAsync(keys, ({ key }) => decodeKey(key)[1]);
  return typeof time === "number" ? time : undefined;
}

if (import.meta.main) {
  await using ended = new AsyncDisposableStack();
  const [path = await Deno.makeTempDir()] = Deno.args;
  if (Deno.args.length === 0) ended.defer(() => Deno.remove(path, { recursive: true }));
  await using store = await Store.open(path);
  const made = Array.from({ length: 1000 }, (_, time) => ({ sensor: "attic", time, value: time % 10 }));
  await ingest(store.timeline(), ReadableStream.from(made));
  const timeline = store.timeline();
  console.log(await average(timeline, "attic", 0, 100), await count(timeline, "attic", 0, 100));
  console.log(await lastTime(timeline, "attic"));
}
