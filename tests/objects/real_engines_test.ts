/** Objects on every engine and in every mode that this machine offers. */

import { assertEquals } from "@std/assert";
import { Health, pageBytes } from "../../src/base/mod.ts";
import { type Io, openIo, systemHost } from "../../src/io/mod.ts";
import { Objects, PageSet, RangeRead, type StoredObject } from "../../src/objects/mod.ts";
import { Random } from "../random.ts";
import { block, idOf, layoutOf, pageOf, timeline } from "./objects_fixture.ts";

const engines = ["uring", "threads", "node"] as const;
const modes = ["buffered", "direct", "direct-rw"] as const;

/** Runs `body` over objects in a directory that goes away; returns whether the machine has this engine and mode. */
async function withObjects(
  ioEngine: typeof engines[number],
  ioMode: typeof modes[number],
  body: (objects: Objects) => Promise<void>,
): Promise<boolean> {
  const path = await Deno.makeTempDir({ prefix: "varve_test_" });
  try {
    const io = await openIo(path, { ioEngine, ioMode, strict: true }).catch((): Io | undefined => undefined);
    if (io === undefined) return false;
    const lock = await io.engine.lock(path);
    const objects = new Objects({
      host: systemHost(io.engine),
      io,
      directory: path,
      cacheBytes: 1 << 20,
      lock,
    });
    try {
      await objects.prepare(timeline);
      await body(objects);
    } finally {
      await objects.close();
      await lock.release();
      await io.engine.shutdown();
    }
    return true;
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function checkRanges(
  objects: Objects,
  object: StoredObject,
  model: Uint8Array,
  random: Random,
): Promise<void> {
  const wants = Array.from({ length: 40 }, () => {
    const offset = random.below(model.length);
    return { offset, length: random.below(Math.min(model.length - offset, random.once(10) ? 1 << 20 : 500)) };
  });
  let answered = 0;
  const range = new RangeRead(objects, {
    count: wants.length,
    objectOf: () => object,
    offsetOf: (item) => wants[item].offset,
    lengthOf: (item) => wants[item].length,
  }, {
    accept: (item, bytes, _view, at, length) => {
      const { offset } = wants[item];
      const isSame =
        bytes.subarray(at, at + length).toHex() === model.subarray(offset, offset + length).toHex();
      assertEquals(isSame, true, `${offset}+${length}`);
      answered++;
    },
    fail: (_item, error) => {
      throw error;
    },
  });
  while (!range.done) await range.step();
  assertEquals(answered, wants.filter(({ length }) => length > 0).length);
}

for (const ioEngine of engines) {
  for (const ioMode of modes) {
    Deno.test(`Objects are written and read (${ioEngine}, ${ioMode})`, async (test) => {
      const has = await withObjects(ioEngine, ioMode, async (objects) => {
        const random = new Random(11);
        const health = new Health("test");
        const model = random.bytes(5 << 20);
        const writer = objects.create(idOf(1), { health, reserveBytes: 8 << 20 });
        const reads: Promise<void>[] = [];
        while (writer.position < model.length) {
          writer.append(
            model.subarray(writer.position, writer.position + random.below(1 << random.from(8, 19))),
          );
          if (random.once(3)) await writer.sync(writer.position - writer.position % block);
          if (random.once(4)) await writer.room();
          const written = model.subarray(0, writer.position);
          if (written.length > 0) reads.push(checkRanges(objects, writer.object, written, random));
          if (random.once(5)) await Promise.all(reads.splice(0));
        }
        await Promise.all([...reads, writer.finish()]);
        await checkRanges(objects, writer.object, model, random);
        const { byteLength } = await objects.extent(writer.object);
        assertEquals(byteLength, model.length);

        const goOn = objects.reopen(idOf(1), 3 << 20, { health, reserveBytes: 6 << 20 });
        goOn.append(model.subarray(0, 64 * 1024));
        await goOn.sync(goOn.position);
        assertEquals(await goOn.finish(), (3 << 20) + 64 * 1024);
        const parts: Uint8Array[] = [];
        for await (const bytes of objects.stream(goOn.object, { start: 3 << 20, end: 4 << 20 })) {
          parts.push(bytes.slice());
        }
        assertEquals(
          parts.map((part) => part.toHex()).join("") === model.subarray(0, 64 * 1024).toHex(),
          true,
        );
        await objects.datasync(goOn.object);
        await objects.remove(idOf(1));
        assertEquals(await objects.list(timeline), []);
      });
      if (!has) await test.step({ name: "this machine has it", ignore: true, fn: () => {} });
    });

    Deno.test(`PageSet reads pages (${ioEngine}, ${ioMode})`, async (test) => {
      const has = await withObjects(ioEngine, ioMode, async (objects) => {
        const pages = 300;
        const writer = objects.create(idOf(2), { health: new Health("test"), reserveBytes: 0 });
        writer.append(new Uint8Array(block));
        for (let page = 0; page < pages; page++) writer.append(pageOf(2, page));
        writer.append(new Uint8Array(block).fill(2));
        await writer.finish();
        const object = objects.object(writer.object.id, layoutOf(writer.object.path, 2, pages));
        const random = new Random(3);
        const ask = async (): Promise<void> => {
          const set = new PageSet(objects);
          for (const page of Array.from({ length: 64 }, () => random.below(pages))) {
            let bytes = set.get(object, page);
            if (bytes === undefined) await set.fetch();
            bytes ??= set.get(object, page);
            assertEquals(bytes?.[0], pageOf(2, page)[0]);
            for (let ahead = 0; ahead < 5; ahead++) set.want(object, random.below(pages));
          }
        };
        for (let i = 0; i < 5; i++) await Promise.all([ask(), ask(), ask()]);
        assertEquals(objects.metrics().cacheBytes <= 128 * pageBytes, true);
        assertEquals(await objects.list(timeline), [idOf(2)]);
      });
      if (!has) await test.step({ name: "this machine has it", ignore: true, fn: () => {} });
    });
  }
}
