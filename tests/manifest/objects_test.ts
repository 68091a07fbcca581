/** The manifest over the files of a store: what is asked of an engine, in which order, and what it bears of it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError, isShortage, PoisonedError } from "../../src/base/mod.ts";
import { type Edit, Manifest } from "../../src/manifest/mod.ts";
import { manifestName } from "../../src/manifest/names.ts";
import { directory, ObjectsFixture } from "../objects/objects_fixture.ts";
import { first, largeTimeline, timeline } from "./manifest_fixture.ts";

const [one, two] = [1, 2].map((version) => manifestName(version));
const large: Edit = { type: "addTimeline", timeline: largeTimeline(9, 1_100_000) };

function add(id: number): Edit {
  return { type: "addTimeline", timeline: timeline(id) };
}

/** Opens the manifest of other objects over the same files. */
async function open(t: ObjectsFixture, readOnly = false): Promise<{ t: ObjectsFixture; manifest: Manifest }> {
  const other = new ObjectsFixture({}, [directory]);
  for (const path of t.disk.paths()) other.disk.put(path, t.disk.contents(path));
  const manifest = await Manifest.open(other.objects, { readOnly });
  assert(manifest !== undefined, "there is a manifest");
  return { t: other, manifest };
}

async function idsIn(t: ObjectsFixture): Promise<number[]> {
  const { t: other, manifest } = await open(t, true);
  await other.close();
  return manifest.state.timelines.map(({ id }) => id);
}

/** Puts an ellipsis for large numbers, and a version for the name of a manifest. */
function words(log: readonly string[]): string[] {
  return log.map((line) => line.replace(/manifest-0+/, "").replace(/\d{6,}/, "…"));
}

Deno.test("Manifest.commit() is one durable write, of a block that nobody was told of", async () => {
  const t = new ObjectsFixture({}, [directory]);
  const manifest = await Manifest.create(t.objects, first);
  assertEquals(words(t.engine.takeLog()), [
    "open pending create",
    "write 0+73728",
    "sync pending",
    "close pending",
    "rename pending 1",
    "syncDirectory",
  ]);
  await manifest.commit(add(1));
  await manifest.commit([add(2), add(3)]);
  await manifest.close();
  assertEquals(words(t.engine.takeLog()), [
    "open 1",
    "write 8192+4096 durable",
    "write 12288+4096 durable",
    "write 16384+4096 durable",
  ]);
  assertEquals(await idsIn(t), [1, 2, 3]);
  await t.close();
});

Deno.test("Manifest.open() settles the file that it trusts, and reads it only when it is read only", async () => {
  const t = new ObjectsFixture({}, [directory]);
  await (await Manifest.create(t.objects, first)).close();
  t.engine.takeLog();
  await Manifest.open(t.objects);
  assertEquals(words(t.engine.takeLog()).filter((line) => !/^(open|close)/.test(line)), [
    "sync 1",
    "syncDirectory",
  ]);
  await Manifest.open(t.objects, { readOnly: true });
  assertEquals(words(t.engine.takeLog()).filter((line) => !/^(open|close)/.test(line)), []);
  await t.close();
});

Deno.test("Manifest starts a new file in this order: whole, durable, named; then the old ones", async () => {
  const t = new ObjectsFixture({}, [directory]);
  const manifest = await Manifest.create(t.objects, first);
  await manifest.commit(large);
  t.engine.takeLog();
  await manifest.commit({ type: "dropTimeline", id: 9 });
  assertEquals(words(t.engine.takeLog()), [
    "open pending create",
    "write 0+…",
    "sync pending",
    "close pending",
    "rename pending 2",
    "syncDirectory",
    "write …+4096 durable",
    "close 1",
    "open 2",
    "write …+4096 durable",
  ]);
  assertEquals(await t.objects.root.list(), [one, two]);
  await t.close();
});

Deno.test("Manifest bears a failure of any operation of the engine, and the next process goes on", async () => {
  for (const code of ["ENOSPC", "EIO"]) {
    let points = 0;
    for (let nth = 1, isDone = false; !isDone; nth++) {
      const t = new ObjectsFixture({}, [directory]);
      const manifest = await Manifest.create(t.objects, first);
      await manifest.commit(add(1));
      let operations = 0;
      t.engine.failIf = () => ++operations === nth ? code : undefined;
      const told = [1];
      for (const edit of [add(2), large, { type: "dropTimeline", id: 9 } as const, add(3), add(4)]) {
        const error = await manifest.commit(edit).then(() => undefined, (error) => error);
        if (error === undefined && edit.type === "addTimeline") told.push(edit.timeline.id);
        if (error === undefined && edit.type === "dropTimeline") told.splice(told.indexOf(9), 1);
        if (error === undefined) continue;
        points++;
        assert(code === "ENOSPC" ? isShortage(error) : error instanceof PoisonedError, `${error}`);
        assertEquals(manifest.state.timelines.map(({ id }) => id), told, "what is rejected is not applied");
        if (code === "ENOSPC") {
          await manifest.commit(edit);
          if (edit.type === "addTimeline") told.push(edit.timeline.id);
          else told.splice(told.indexOf(9), 1);
        } else break;
      }
      isDone = operations < nth;
      t.engine.failIf = () => undefined;
      const found = await idsIn(t);
      if (code === "ENOSPC" || isDone) assertEquals(found, told);
      else {assert(
          told.every((id) => found.includes(id)) || found.length === told.length - 1,
          `${found}, told ${told}`,
        );}
      const next = await open(t);
      await next.manifest.commit(add(77));
      await next.manifest.close();
      assertEquals(await idsIn(next.t), [...found, 77]);
      await next.t.close();
      await manifest.close();
      await t.close();
    }
    assert(points >= 8, `${points} points failed with ${code}`);
  }
});

Deno.test("Manifest.open() finds the old state when a commit is torn in the middle", async () => {
  const t = new ObjectsFixture({}, [directory]);
  const manifest = await Manifest.create(t.objects, first);
  await manifest.commit(add(1));
  const layers = largeTimeline(8, 20_000);
  t.engine.hold = true;
  const commit = manifest.commit({ type: "addTimeline", timeline: layers });
  while (t.engine.held.length === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  await t.engine.held[0].start();
  assertEquals(await idsIn(t), [1]);
  await t.engine.held[0].finish();
  await commit;
  assertEquals(await idsIn(t), [1, 8]);
  t.engine.hold = false;
  await t.close();
});

Deno.test("Manifest.create() leaves no manifest when it fails before the name is made", async () => {
  for (const operation of ["open", "write", "sync", "rename"] as const) {
    const t = new ObjectsFixture({}, [directory]);
    t.faults.failNext(operation, "EIO");
    await assertRejects(() => Manifest.create(t.objects, first), IoError);
    assertEquals(await Manifest.open(t.objects), undefined);
    assertEquals((await Manifest.create(t.objects, first)).state, first);
    assertEquals(await t.objects.root.list(), [one]);
    await t.close();
  }
});
