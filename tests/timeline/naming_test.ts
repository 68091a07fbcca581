import { assertEquals } from "@std/assert";
import { Store } from "../../mod.ts";

/** Copies what a crash would leave, in one turn; once more if a file was renamed meanwhile. */
function copyDirectory(from: string, to: string): void {
  try {
    Deno.mkdirSync(to);
    for (const entry of Deno.readDirSync(from)) {
      if (entry.isDirectory) copyDirectory(`${from}/${entry.name}`, `${to}/${entry.name}`);
      else Deno.copyFileSync(`${from}/${entry.name}`, `${to}/${entry.name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.removeSync(to, { recursive: true });
    copyDirectory(from, to);
  }
}

for (const ioEngine of ["auto", "threads", "node"] as const) {
  Deno.test(`Timeline.sync() names segments in the order of history when they open together on ${ioEngine}`, async () => {
    // The files of two segments are made at the same time, and either may stand first.
    for (let round = 0; round < 12; round++) {
      const parent = await Deno.makeTempDir();
      try {
        const store = await Store.open(`${parent}/store`, { ioEngine, segmentBytes: 64 * 1024 });
        const timeline = store.timeline();
        timeline.append([{ key: "a", value: "1" }]);
        const frozen = timeline.freeze();
        timeline.append([{ key: "b", value: "2" }]);
        const again = timeline.freeze();
        timeline.append([{ key: "c", value: "3" }]);
        await timeline.sync();
        copyDirectory(`${parent}/store`, `${parent}/crashed`);
        await Promise.all([frozen, again]);
        await store.close();

        await using reopened = await Store.open(`${parent}/crashed`, { ioEngine });
        assertEquals(reopened.timeline().lastLsn, 3);
        const values = await reopened.timeline().getMany(["a", "b", "c"]);
        assertEquals(values.map((value) => new TextDecoder().decode(value)), ["1", "2", "3"]);
      } finally {
        await Deno.remove(parent, { recursive: true });
      }
    }
  });
}
