import { assertEquals, assertRejects } from "@std/assert";
import { CorruptionError } from "../../../src/base/mod.ts";
import { encodeHeader } from "../../../src/layer/mod.ts";
import { findOrphans } from "../../../src/timeline/write/orphans.ts";
import { block } from "../../segment/segment_fixture.ts";
import { MadeLog } from "./made_log.ts";
import { closeContext, directory, openContext, WriterFixture } from "./writer_fixture.ts";
import { lose, SimEngine } from "../../../src/sim/mod.ts";

/** The file of a segment that the manifest does not name; its next sequence is 2. */
function unnamed(sequence: number, generation = 1): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return `${directory}/${hex(7, 14)}-${hex(sequence, 8)}-${hex(generation, 8)}.seg`;
}

/** A disk with one named segment, and another file. */
async function diskWith(path: string, bytes: Uint8Array): Promise<Awaited<ReturnType<MadeLog["disk"]>>> {
  const log = new MadeLog();
  log.segment().batches(2).pad();
  const memory = await log.disk();
  memory.disk.put(path, bytes);
  return memory;
}

const header = new MadeLog().segment().header;
const zeros = new Uint8Array(5 * block);
const data = new MadeLog().segment().batches(3).pad().bytes;
const withoutHeader = data.slice().fill(0, 0, block);
const late = new Uint8Array(300 * block).fill(1, 299 * block, 299 * block + 1);

const cases: readonly [
  words: string,
  path: string,
  bytes: Uint8Array,
  found: "removed" | "refused" | "left",
][] = [
  ["an empty file", unnamed(2), new Uint8Array(0), "removed"],
  ["room that was reserved", unnamed(2), zeros, "removed"],
  ["a header alone", unnamed(2), encodeHeader(header), "removed"],
  ["a header and room", unnamed(2), zeros.with(0, 1), "removed"],
  ["a segment with batches", unnamed(2), data, "refused"],
  ["a segment of a later sequence with batches", unnamed(9), data, "refused"],
  ["batches without a header", unnamed(2), withoutHeader, "refused"],
  ["a byte far behind the header", unnamed(2), late, "refused"],
  ["a segment that was named once", unnamed(1, 7), data, "removed"],
  ["a layer of a sequence that nobody took", unnamed(2).replace(".seg", ".delta"), data, "refused"],
  ["an image of a sequence that nobody took", unnamed(2).replace(".seg", ".image"), data, "refused"],
  ["a layer of a merge that had no end", unnamed(1, 7).replace(".seg", ".delta"), data, "removed"],
  ["a layer without data", unnamed(2).replace(".seg", ".delta"), encodeHeader(header), "removed"],
  ["what has another name", `${directory}/notes.txt`, data, "left"],
  ["what has nearly such a name", unnamed(2) + ".bak", data, "left"],
];

for (const [words, path, bytes, found] of cases) {
  Deno.test(`findOrphans() of ${words}`, async () => {
    const memory = await diskWith(path, bytes);
    const before = new SimEngine({ disk: memory.disk.clone() });
    const context = await openContext(memory);
    if (found === "refused") {
      const error = await assertRejects(() => findOrphans(context), CorruptionError, path);
      assertEquals(error.path, "/store");
      await closeContext(context);
      await assertRejects(() => WriterFixture.open(memory), CorruptionError);
      assertEquals(memory.disk.contents(path), before.disk.contents(path));
    } else {
      const orphans = await findOrphans(context);
      assertEquals(orphans.map((id) => `/store/${id}`), found === "removed" ? [path] : []);
      await closeContext(context);
      const t = await WriterFixture.open(memory);
      await t.close();
      assertEquals(memory.disk.paths().includes(path), found === "left");
    }
    const reading = WriterFixture.open(before, { readOnly: true });
    if (found === "refused") await assertRejects(() => reading, CorruptionError, path);
    else {
      const reader = await reading;
      await reader.assertMade();
      await reader.close();
    }
    assertEquals(before.disk.contents(path), bytes);
  });
}

Deno.test("findOrphans() finds what was merged in the order of history", async () => {
  const paths = [9, 7, 8].map((generation) => unnamed(1, generation).replace(".seg", ".delta"));
  const memory = await diskWith(paths[0], data);
  for (const path of paths) memory.disk.put(path, data);
  // A system may list names in any order.
  const list = memory.list.bind(memory);
  memory.list = async (path) => (await list(path)).reverse();
  const context = await openContext(memory);
  assertEquals((await findOrphans(context)).map((id) => `/store/${id}`), paths.sort());
  await closeContext(context);
});

Deno.test("findOrphans() refuses what was merged where a file that the manifest names is gone", async () => {
  const path = unnamed(1, 7).replace(".seg", ".delta"), memory = await diskWith(path, data);
  const [segment] = memory.disk.paths().filter((path) => path.endsWith(".seg"));
  lose(memory.disk, segment);
  const context = await openContext(memory);
  await assertRejects(() => findOrphans(context), CorruptionError, path);
  await closeContext(context);
  assertEquals(memory.disk.contents(path), data);
});
