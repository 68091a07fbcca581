/** Metrics for other processes: what is told, what is taken for told, and what is left. */

import { assert, assertEquals } from "@std/assert";
import { CorruptionError, type StoreMetrics } from "../../mod.ts";
import { decodePublished, encodePublished } from "../../src/store/published_metrics.ts";
import { publishedMetricsOf } from "../../src/store/store.ts";
import { test } from "./matrix.ts";

const often = 100;

/** Waits until something is so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a store tells other processes of its metrics again and again, and nothing once it is closed", async (place) => {
  const store = await place.open({ metricsMilliseconds: often }), timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }], { sync: true });
  const reader = await place.open({ readOnly: true });
  await until(async () => (await publishedMetricsOf(reader))?.metrics.batches === 1);
  await timeline.append([{ key: "a", value: "2" }], { sync: true });
  await timeline.get("a");
  await until(async () => (await publishedMetricsOf(reader))?.metrics.batches === 2);
  await until(async () => (await publishedMetricsOf(reader))?.metrics.keysRead === 1);
  const told = (await publishedMetricsOf(reader))!;
  assertEquals([told.milliseconds, told.metrics.upkeep.main.backPressure], [often, "none"]);
  assertEquals(await Array.fromAsync(reader.verify()), []);
  assertEquals(Deno.statSync(`${place.path}/metrics`).mode! & 0o777, 0o600);
  await place.close(store);
  assertEquals([place.files(/metrics$/), await publishedMetricsOf(reader)], [[], undefined]);
});

test("a store tells nothing unless it is asked to, or where it only reads", async (place) => {
  const store = await place.open(), reader = await place.open({ readOnly: true, metricsMilliseconds: often });
  await new Promise((resolve) => setTimeout(resolve, 2 * often));
  assertEquals(place.files(/metrics$/), []);
  await place.close(reader);
  await place.close(store);
});

test("what a killed process told is removed by the next that writes", async (place) => {
  await place.close(await place.open());
  Deno.writeTextFileSync(`${place.path}/metrics`, "left");
  const reader = await place.open({ readOnly: true });
  assertEquals(await publishedMetricsOf(reader), undefined);
  const store = await place.open();
  assertEquals(place.files(/metrics$/), []);
  await place.close(store);
});

test("a folder in the place of metrics is left alone, and noted once", async (place) => {
  await place.close(await place.open());
  Deno.mkdirSync(`${place.path}/metrics/mine`, { recursive: true });
  const store = await place.open({ metricsMilliseconds: often }),
    reader = await place.open({ readOnly: true });
  await until(() => store.io.notes.some((note) => note.startsWith("Metrics are not published: ")));
  await new Promise((resolve) => setTimeout(resolve, 2 * often));
  assertEquals(store.io.notes.filter((note) => note.startsWith("Metrics")).length, 1);
  assertEquals(await publishedMetricsOf(reader), undefined);
  await place.close(store);
  assert(Deno.statSync(`${place.path}/metrics/mine`).isDirectory);
});

test("decodePublished() takes what is whole and like the reader's own metrics, and nothing else", async (place) => {
  const store = await place.open(), metrics = store.metrics();
  const bytes = encodePublished({ time: 5, milliseconds: 100, metrics });
  assertEquals([bytes.length % 4096, decodePublished(bytes, metrics)?.metrics.batches], [0, 0]);
  const longer = new Uint8Array(3 * bytes.length).fill(0x41);
  longer.set(bytes);
  assertEquals(decodePublished(longer, metrics)?.time, 5);
  const end = bytes.findLastIndex((byte) => byte !== 0x20) + 1;
  for (let at = 0; at < end; at++) {
    const damaged = bytes.slice();
    damaged[at] ^= 1;
    assertEquals([at, decodePublished(damaged, metrics)], [at, undefined]);
  }
  assertEquals(decodePublished(bytes.subarray(0, end - 1), metrics), undefined);
  const others: object[] = [
    { ...metrics, batches: "\x1b[2J" },
    { ...metrics, upkeep: {} },
    { ...metrics, latencies: { ...metrics.latencies, get: [] } },
    { ...metrics, memory: null },
  ];
  for (const other of others) {
    const told = { time: 5, milliseconds: 100, metrics: other as StoreMetrics };
    assertEquals(decodePublished(encodePublished(told), metrics), undefined, Deno.inspect(other));
  }
  const damage = new CorruptionError({ path: "/a", offset: 1, expected: "b", found: "c" });
  const error = { ...metrics.upkeep.main, damaged: [damage] };
  const told = encodePublished({
    time: 5,
    milliseconds: 100,
    metrics: { ...metrics, upkeep: { main: error } },
  });
  assertEquals(`${decodePublished(told, metrics)?.metrics.upkeep.main.damaged}`, damage.message);
});
