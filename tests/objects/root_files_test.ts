import { assertEquals, assertRejects } from "@std/assert";
import { IoError, LimitError } from "../../src/base/mod.ts";
import { isAsideName } from "../../src/objects/mod.ts";
import { Random } from "../random.ts";
import { block, directory, ObjectsFixture } from "./objects_fixture.ts";

const bytes = new Random(1).bytes(3 * block);

Deno.test("RootFiles.putIfAbsent() gives a file its name only once it is whole and durable", async () => {
  const t = new ObjectsFixture({}, [directory]);
  await t.objects.root.putIfAbsent("manifest-1", bytes);
  assertEquals(t.engine.takeLog(), [
    "open pending create",
    `write 0+${bytes.length}`,
    "sync pending",
    "close pending",
    "rename pending manifest-1",
    "syncDirectory",
  ]);
  assertEquals(await t.objects.root.read("manifest-1", bytes.length), bytes);
  assertEquals(await t.objects.root.list(), ["manifest-1"]);
  await t.close();
});

Deno.test("RootFiles.putIfAbsent() replaces nothing", async () => {
  const t = new ObjectsFixture();
  const puts = [bytes, new Uint8Array(1)].map((some) => t.objects.root.putIfAbsent("x", some));
  const outcomes = (await Promise.allSettled(puts)).map(({ status }) => status);
  assertEquals(outcomes, ["fulfilled", "rejected"]);
  await assertRejects(() => t.objects.root.putIfAbsent("x", bytes), Deno.errors.AlreadyExists);
  await t.objects.root.putIfAbsent("y", new Uint8Array(0));
  assertEquals([await t.objects.root.read("x", 1 << 20), await t.objects.root.read("y", 0)], [
    bytes,
    new Uint8Array(0),
  ]);
  await t.close();
});

Deno.test("RootFiles.putIfAbsent() that failed makes no name, leaves nothing that shows, and may be tried again", async () => {
  for (const operation of ["open", "write", "sync", "rename"] as const) {
    const t = new ObjectsFixture({}, [directory]);
    t.faults.failNext(operation, "ENOSPC");
    assertEquals((await assertRejects(() => t.objects.root.putIfAbsent("x", bytes), IoError)).code, "ENOSPC");
    assertEquals(await t.objects.root.list(), []);
    await t.objects.root.putIfAbsent("x", bytes);
    assertEquals(t.disk.paths(), [`${directory}/x`]);
    await t.close();
  }
});

Deno.test("isAsideName() knows what a process leaves that is killed while it makes a file", async () => {
  const t = new ObjectsFixture();
  t.faults.failNext("rename", "EIO");
  await assertRejects(() => t.objects.root.putIfAbsent("x", bytes), IoError);
  assertEquals(t.disk.paths().map((path) => isAsideName(path.slice(directory.length + 1))), [true]);
  assertEquals(isAsideName("x"), false);
  await t.close();
});

Deno.test("RootFiles.read() takes no memory for a file that is too long", async () => {
  const t = new ObjectsFixture();
  await t.objects.root.putIfAbsent("x", bytes);
  await assertRejects(
    () => t.objects.root.read("x", bytes.length - 1),
    LimitError,
    `it is ${bytes.length} bytes`,
  );
  assertEquals(await t.objects.root.read("absent", 0), undefined);
  t.faults.failNext("read", "EIO");
  await assertRejects(() => t.objects.root.read("x", bytes.length), IoError);
  await t.close();
});

Deno.test("RootFiles.append() writes whole blocks durably, behind the end and within, in one file after another", async () => {
  const t = new ObjectsFixture();
  const { root } = t.objects;
  for (const name of ["x", "y"]) await root.putIfAbsent(name, new Uint8Array(2 * block));
  t.engine.takeLog();
  await root.append("x", 2 * block, bytes.subarray(0, block));
  await root.append("x", block, bytes.subarray(block, 2 * block));
  await root.append("y", 2 * block, bytes);
  assertEquals(t.engine.takeLog(), [
    "open x",
    "write 8192+4096 durable",
    "write 4096+4096 durable",
    "close x",
    "open y",
    "write 8192+12288 durable",
  ]);
  const x = await root.read("x", 1 << 20);
  assertEquals(
    x?.subarray(block),
    Uint8Array.from([...bytes.subarray(block, 2 * block), ...bytes.subarray(0, block)]),
  );
  t.faults.failNext("write", "ENOSPC");
  assertEquals((await assertRejects(() => root.append("y", 5 * block, bytes), IoError)).code, "ENOSPC");
  await root.append("y", 5 * block, bytes);
  await root.remove("y");
  await root.remove("y");
  await assertRejects(() => root.append("y", 0, bytes), IoError);
  await t.close();
});

Deno.test("RootFiles.settle() makes a file and its name durable", async () => {
  const t = new ObjectsFixture();
  await t.objects.root.putIfAbsent("x", bytes);
  t.engine.takeLog();
  await t.objects.root.settle("x");
  assertEquals(t.engine.takeLog(), ["open x", "sync x", "close x", "syncDirectory"]);
  await t.close();
});
