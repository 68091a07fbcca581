/** `Store.open` and `DirectFile.open` agree on what a path is, and on what they say of one that leads nowhere. */

import { assertEquals, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { DirectFile } from "../../direct.ts";
import { IoError, Store } from "../../mod.ts";
import { test } from "./matrix.ts";

const { NotFound } = Deno.errors;

test("Store.open() and DirectFile.open() take a path and a URL of a file", async ({ path }) => {
  const folder = `${path}/a folder, 100 %`;
  await Deno.mkdir(folder);
  for (const at of [`${folder}/store`, pathToFileURL(`${folder}/store`)]) {
    await using store = await Store.open(at);
    assertEquals(store.path, `${folder}/store`);
  }
  for (const at of [`${folder}/file`, pathToFileURL(`${folder}/file`)]) {
    await using file = await DirectFile.open(at);
    assertEquals(file.path, `${folder}/file`);
  }
});

test("Store.open() and DirectFile.open() refuse what is no path", async () => {
  const wrong: unknown[] = ["", 1, null, undefined, new URL("https://example.com/store")];
  for (const path of wrong as string[]) {
    await assertRejects(() => Store.open(path), TypeError, "Cannot open store: ");
    await assertRejects(() => DirectFile.open(path), TypeError, "Cannot open file: ");
  }
});

test("Store.open() and DirectFile.open() reject with NotFound where there is nothing", async ({ path }) => {
  const absent = `${path}/absent`;
  for (const options of [{ create: false }, { readOnly: true }, { readOnly: true, create: true }]) {
    await assertRejects(() => Store.open(absent, options), NotFound, absent);
    const error = await assertRejects(() => DirectFile.open(absent, options), NotFound, absent);
    assertEquals(error.cause instanceof IoError && error.cause.code, "ENOENT");
  }
  // A store makes the directories on the way, a file does not.
  await assertRejects(() => DirectFile.open(`${absent}/file`), NotFound, absent);
  await (await Store.open(`${absent}/store`)).close();
});

test("Store.open(), Store.createTimeline() and DirectFile.open() refuse options that are unknown", async (place) => {
  const mistyped: object = { segmentbytes: 1024 };
  await assertRejects(() => Store.open(place.path, mistyped), TypeError, 'unknown option "segmentbytes"');
  await assertRejects(
    () => DirectFile.open(`${place.path}/file`, mistyped),
    TypeError,
    'unknown option "segmentbytes"',
  );
  assertEquals(place.files(), []);
  const store = await place.open();
  const ancestor: object = { parent: "main" };
  for (const options of [ancestor, null, 1] as Record<string, never>[]) {
    await assertRejects(() => store.createTimeline("side", options), TypeError);
  }
  await store.createTimeline("side", {});
  assertEquals(store.timelines().map(({ name }) => name), ["main", "side"]);
});
