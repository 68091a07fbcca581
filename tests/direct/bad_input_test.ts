/** What cannot be is refused with an error of its own kind, and nothing is touched. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CorruptionError, IoError, LockedError, ReadOnlyError } from "../../src/base/mod.ts";
import { DirectFile, type DirectFileOptions } from "../../src/direct/mod.ts";
import { bytesOf, DirectFixture, simPath } from "./fixture.ts";

const any = (value: unknown) => value as never;

Deno.test("DirectFile.open() refuses options that cannot be, before it looks for the file", async () => {
  const t = DirectFixture.make();
  const wrong: [Record<string, unknown>, ErrorConstructor][] = [
    [{ preallocate: 1 }, TypeError],
    [{ tail: "truncate" }, TypeError],
    [{ tail: 1 }, TypeError],
    [{ preallocateBytes: "1" }, TypeError],
    [{ preallocateBytes: 1.5 }, RangeError],
    [{ preallocateBytes: Infinity }, RangeError],
    [{ length: -1 }, RangeError],
    [{ length: 2 ** 53 }, RangeError],
    [{ length: null }, TypeError],
    [{ ioMode: "fast" }, RangeError],
    [{ readOnly: 1 }, TypeError],
    [{ create: "no" }, TypeError],
  ];
  for (const [options, kind] of wrong) {
    await assertRejects(() => t.open(options as DirectFileOptions), kind, undefined, JSON.stringify(options));
  }
  await assertRejects(() => t.open(any("pad")), TypeError);
  await assertRejects(() => DirectFile.open(any(5)), TypeError);
  assertEquals(t.disk.paths(), []);
  t.checkClosed();
});

Deno.test("DirectFile refuses offsets and ranges that cannot be", async () => {
  const t = DirectFixture.make(), file = await t.open();
  await file.append(bytesOf(100));
  for (const number of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    await assertRejects(() => file.readAt(number, 1), RangeError);
    await assertRejects(() => file.readAt(0, number), RangeError);
    assertThrows(() => file.readable({ start: number }), RangeError);
    if (number !== Infinity) assertThrows(() => file.readable({ end: number }), RangeError);
  }
  for (const other of ["1", null, 5n, {}]) {
    await assertRejects(() => file.readAt(any(other), 1), TypeError);
    assertThrows(() => file.readable({ start: any(other) }), TypeError);
  }
  assertThrows(() => file.readable(any({ from: 1 })), TypeError, 'unknown option "from"');
  assertEquals(await file.readAt(100, 5), new Uint8Array(0));
  assertEquals(await file.readAt(500, 5), new Uint8Array(0));
  assertEquals(await Array.fromAsync(file.readable({ start: 500 })), []);
  for (const wrong of ["text", undefined, [1], new ArrayBuffer(1)]) {
    await assertRejects(() => file.append(any(wrong)), TypeError, "expected a Uint8Array");
  }
  assertEquals(file.length, 100);
  await file.close();
});

Deno.test("DirectFile that is read only refuses to write, and leaves the file as it is", async () => {
  const t = DirectFixture.make();
  t.disk.put(simPath, bytesOf(100));
  const before = t.disk.hash(), file = await t.open({ readOnly: true });
  await assertRejects(() => file.append(bytesOf(1)), ReadOnlyError);
  await assertRejects(() => file.sync(), ReadOnlyError);
  assertThrows(() => file.writable(), ReadOnlyError);
  await file.close();
  assertEquals(t.disk.hash(), before);
});

Deno.test("DirectFile.open() refuses what is no file, on every engine, and touches nothing", async () => {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  try {
    await Deno.mkdir(`${directory}/folder`);
    await Deno.writeFile(`${directory}/file`, bytesOf(10));
    await Deno.symlink(`${directory}/file`, `${directory}/link`);
    for (const ioEngine of ["uring", "threads", "node"] as const) {
      const open = (name: string, options = {}) =>
        DirectFile.open(`${directory}/${name}`, { ioEngine, ...options });
      for (const readOnly of [false, true]) {
        const folder = await assertRejects(() => open("folder", { readOnly }), IoError);
        assertEquals(folder.code, "EISDIR");
        assertEquals((await assertRejects(() => open("link", { readOnly }), IoError)).code, "ELOOP");
        await assertRejects(() => open("none/file", { readOnly }), Deno.errors.NotFound);
      }
      await assertRejects(() => open("none", { create: false }), Deno.errors.NotFound);
      await assertRejects(() => open("none", { readOnly: true }), Deno.errors.NotFound);
      await assertRejects(() => open("file", { length: 11 }), CorruptionError);
      await using file = await open("file");
      await assertRejects(() => open("file"), LockedError);
      assertEquals(file.length, 10);
    }
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), ["file", "folder", "link"]);
    assertEquals(await Deno.readFile(`${directory}/file`), bytesOf(10));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("DirectFile refuses everything once it is closed", async () => {
  const t = DirectFixture.make(), file = await t.open();
  const writer = file.writable().getWriter();
  await file.close();
  await assertRejects(() => writer.write(bytesOf(1)), Deno.errors.BadResource);
  await assertRejects(() => file.append(bytesOf(1)), Deno.errors.BadResource);
  await assertRejects(() => file.sync(), Deno.errors.BadResource);
  await assertRejects(() => file.readAt(0, 1), Deno.errors.BadResource);
  assertThrows(() => file.readable(), Deno.errors.BadResource);
  assertThrows(() => file.writable(), Deno.errors.BadResource);
  assert(file.length === 0 && file.durableLength === 0);
});
