/** Files that are not what they should be: pipes, devices, directories, endless ones, and well-formed lies. */

import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import {
  Batch,
  CorruptionError,
  IoError,
  LockedError,
  Store,
  type Timeline,
  verifyStore,
} from "../../mod.ts";
import { crc32 } from "../../src/base/mod.ts";
import { proveDirect } from "../../src/io/direct_support.ts";
import type { DirectSupport, IoFile, OpenOptions, SupportRequest } from "../../src/io/engine.ts";
import { type Io, systemHost } from "../../src/io/mod.ts";
import { Manifest } from "../../src/manifest/mod.ts";
import { Objects } from "../../src/objects/mod.ts";
import { cpuMilliseconds } from "../cpu_time.ts";
import { collect, patterned } from "../store/bytes.ts";
import { errno, HookedEngine } from "../store/hooked_engine.ts";
import { Place, test, testEach } from "../store/matrix.ts";

const pageBytes = 8192;

async function makePipe(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success, "mkfifo failed");
}

async function fill(place: Place, keys = 200): Promise<void> {
  const store = await place.open();
  const batch = new Batch();
  for (let i = 0; i < keys; i++) batch.put(`key/${i}`, patterned(50, i));
  await store.timeline().append(batch);
  await store.timeline().freeze();
  await place.close(store);
}

/** Reads one key in every way; returns the errors. */
async function readInEveryWay(timeline: Timeline): Promise<unknown[]> {
  const reads = [
    timeline.get("key/1"),
    timeline.getMany(["key/1", "key/2"]),
    collect(timeline.getVectored(["key/1", "key/2"])),
    collect(timeline.scan()),
    collect(timeline.history("key/1")),
  ];
  return (await Promise.allSettled(reads)).map((read) =>
    read.status === "rejected" ? read.reason : undefined
  );
}

testEach("Timeline refuses a pipe in place of a layer, and does not wait for it", async (place) => {
  await fill(place);
  const [layer] = place.files(/\.seg$/);
  Deno.removeSync(layer);
  await makePipe(layer);
  const errors = await readInEveryWay((await place.open()).timeline());
  for (const error of errors) {
    assert(error instanceof IoError || error instanceof CorruptionError, `${error}`);
  }
});

testEach("Store.open() refuses what stands in place of its lock and is no file", async (place) => {
  await fill(place);
  const lock = `${place.path}/lock`;
  const holder = await place.open();
  for (const code of ["EISDIR", "ENXIO", "link"]) {
    Deno.removeSync(lock, { recursive: true });
    if (code === "EISDIR") Deno.mkdirSync(lock);
    else if (code === "ENXIO") await makePipe(lock);
    else Deno.symlinkSync("/dev/zero", lock);
    await assertRejects(() => place.open(), LockedError, "it is open elsewhere");
  }
  await place.close(holder);
  for (const code of ["EISDIR", "ENXIO"]) {
    Deno.removeSync(lock, { recursive: true });
    if (code === "EISDIR") Deno.mkdirSync(lock);
    else await makePipe(lock);
    const error = await assertRejects(() => place.open(), IoError);
    assertEquals([error.code, error.operation, error.path], [code, "lock", lock]);
  }
  // A link is replaced, and what it leads to stays.
  Deno.removeSync(lock);
  Deno.symlinkSync("/dev/zero", lock);
  await place.open();
  assert(Deno.lstatSync(lock).isFile);
});

testEach("Store.open() refuses a segment of 1 TiB in which nothing is written", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  await using copy = await place.copy();
  const [segment] = copy.files(/\.seg$/);
  Deno.truncateSync(segment, 2 ** 40);
  const start = cpuMilliseconds();
  const error = await assertRejects(() => copy.open(), CorruptionError);
  assertEquals(error.path, segment);
  assert(cpuMilliseconds() - start < 1000);
});

Deno.test("Store.open() bears 200,000 files that are named like manifests", async () => {
  const names = Array.from({ length: 200_000 }, (_, i) => `manifest-${i.toString(16).padStart(8, "0")}`);
  await using engine = new class extends HookedEngine {
    crowded = "";
    override async list(path: string): Promise<string[]> {
      const found = await super.list(path);
      return path === this.crowded ? [...new Set([...found, ...names])] : found;
    }
  }();
  await using place = await Place.make({ ioEngine: engine, ioMode: "buffered" });
  await fill(place);
  engine.crowded = place.path;
  const shape = place.files(/manifest/)[0].split("/").at(-1) as string;
  const digits = shape.replace("manifest-", "").length;
  names.forEach((_, i) => names[i] = `manifest-${i.toString(16).padStart(digits, "0")}`);
  assertEquals((await assertRejects(() => place.open(), IoError)).code, "ENOENT");
});

/** Changes bytes of a page of a layer's index and makes its checksum right again. */
function forgePage(path: string, page: number, forge: (bytes: Uint8Array) => void): void {
  const file = Deno.readFileSync(path);
  const bytes = file.subarray(page, page + pageBytes);
  // The checksum is seeded: what takes the old bytes to the old sum takes the new ones to the new sum.
  const seedless = crc32(bytes.subarray(4));
  const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  forge(bytes);
  const sum = (stored ^ seedless ^ crc32(bytes.subarray(4))) >>> 0;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, sum, true);
  Deno.writeFileSync(path, file);
}

test("Timeline finds a CorruptionError when an index claims records of 2^38 − 1 bytes", async (place) => {
  await fill(place);
  const store = await place.open();
  const [{ byteLength, path }] = store.timeline().layers();
  await place.close(store);
  // The index is one leaf and one page of a filter in front of the footer.
  const leaf = byteLength - 4096 - 2 * pageBytes;
  forgePage(path, leaf, (page) => {
    const count = page[6] | page[7] << 8, prefix = page[8] | page[9] << 8;
    const lengths = 24 + prefix + (count + 1) * 2 + count * (page[10] + page[11]);
    assert(page[5] === 0 && count === 200 && page[12] > 0, "it is the leaf");
    for (let i = 0; i < count * page[12]; i++) page[lengths + i] = 0xff;
  });
  const start = cpuMilliseconds();
  const timeline = (await place.open()).timeline();
  for (const error of await readInEveryWay(timeline)) assertInstanceOf(error, CorruptionError);
  assert(cpuMilliseconds() - start < 1000);
});

test("Timeline finds a CorruptionError when a manifest that checks tells other key ranges than its layer", async (place) => {
  await fill(place);
  await using engine = new HookedEngine();
  const io = { readDirect: false, writeDirect: false, report: { offsetAlignment: 1 } } as Io;
  const objects = new Objects({ host: systemHost(engine), io, directory: place.path, cacheBytes: 65536 });
  const manifest = await Manifest.open(objects, { readOnly: true });
  assert(manifest !== undefined);
  const { state } = manifest;
  const [timeline] = state.timelines, [layer] = timeline.layers;
  const lastKey = new TextEncoder().encode("key/2");
  const forged = { ...timeline, layers: [{ ...layer, lastKey }] };
  const made = await Manifest.create(objects, { ...state, version: state.version + 1, timelines: [forged] });
  await made.close();
  await objects.close();
  const errors = await readInEveryWay((await place.open()).timeline());
  for (const error of errors) assertInstanceOf(error, CorruptionError);
  // A key that it hides is found missing by whoever touches the layer for another; alone it reads as absent.
  const store = await place.open({ readOnly: true });
  await store.timeline().get("key/99");
  // Verification counts, and says which of the two is wrong.
  for (
    const found of [await Array.fromAsync(store.verify()), await Array.fromAsync(verifyStore(place.path))]
  ) {
    const [{ path, error, keys, lsns }] = found;
    assertEquals([found.length, path], [1, place.files(/manifest/).at(-1)]);
    assertMatch(error.message, /expected the lastKey 0x6b65792f3939 .* found lastKey 0x6b65792f32$/);
    assertEquals([keys?.first, keys?.last, lsns], [layer.firstKey, layer.lastKey, { first: 1, last: 1 }]);
  }
});

test("Store.open() read only does not mind an unrelated file that it may not read", async (place) => {
  await fill(place);
  for (const code of ["EACCES", "EPERM", "EIO"]) {
    await using engine = new class extends HookedEngine {
      override open(path: string, options: OpenOptions): Promise<IoFile> {
        if (path.endsWith("/secret")) return Promise.reject(errno(code, "open", path));
        return super.open(path, options);
      }
      override async list(path: string): Promise<string[]> {
        return (await super.list(path)).sort((a, b) => Number(b === "secret") - Number(a === "secret"));
      }
      override support(directory: string, request: SupportRequest): Promise<DirectSupport> {
        return proveDirect(this, directory, request, () => undefined);
      }
    }();
    Deno.writeTextFileSync(`${place.path}/secret`, "");
    const store = await Store.open(place.path, { readOnly: true, ioEngine: engine });
    assertEquals(await store.timeline().count(), 200);
    await store.close();
    Deno.removeSync(`${place.path}/secret`);
  }
});
