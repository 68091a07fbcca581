/** Keys and values that are Node buffers, whose `slice()` shares memory, and that change after the call. */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Batch } from "../../mod.ts";
import { collect } from "../store/bytes.ts";
import { test } from "../store/matrix.ts";

test("Timeline keeps no memory of a Node buffer that it was given", async (place) => {
  const timeline = (await place.open()).timeline();
  const buffers: Buffer[] = [];
  const given = (text: string) => {
    const buffer = Buffer.from(text);
    buffers.push(buffer);
    return buffer;
  };
  const overwrite = () => buffers.splice(0).forEach((buffer) => buffer.fill(0x7a));
  const appended = [
    timeline.append([{ key: given("a/1"), value: given("one") }]),
    timeline.append(new Batch().put(given("a/2"), given("two")).delete(given("b"))),
  ];
  overwrite();
  await Promise.all(appended);
  for (const state of ["in memory", "sealed"]) {
    const reads = [
      timeline.get(given("a/1")).then((value) => [value]),
      timeline.getEntry(given("a/1")).then(({ key, value }) => [key, value]),
      timeline.getMany([given("a/2")]),
      collect(timeline.getVectored([given("a/1"), { base: given("a/2"), count: 1 }])).then((entries) =>
        entries.flatMap(({ key, value }) => [key, value])
      ),
      collect(timeline.scan({ prefix: given("a/"), start: given("a/1"), end: given("a/3") })).then((
        entries,
      ) => entries.flatMap(({ key, value }) => [key, value])),
      collect(timeline.history(given("a/1"))).then((versions) => versions.map(({ value }) => value)),
    ];
    overwrite();
    const found = await Promise.all(reads);
    const texts = found.map((values) => values.map((value) => new TextDecoder().decode(value)));
    assertEquals(texts, [
      ["one"],
      ["a/1", "one"],
      ["two"],
      ["a/1", "one", "a/2", "two"],
      ["a/1", "one", "a/2", "two"],
      ["one"],
    ], state);
    for (const value of found.flat()) assertEquals(Object.getPrototypeOf(value), Uint8Array.prototype);
    await timeline.freeze();
  }
});

test("Timeline.scan() does not change a Node buffer that is its prefix", async (place) => {
  const timeline = (await place.open()).timeline();
  const prefix = Buffer.from("a");
  await collect(timeline.scan({ prefix }));
  await timeline.count({ prefix });
  assertEquals(prefix.toString(), "a");
});
