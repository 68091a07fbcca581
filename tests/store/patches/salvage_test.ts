/** A salvage that finds versions twice: as patches, and made whole in an image. */

import { assertEquals } from "@std/assert";
import { salvage, Store } from "../../../mod.ts";
import { type Place, test } from "../matrix.ts";
import { redo, textOf, write } from "./fixture.ts";

test("A salvage without a manifest redoes nothing twice, whatever of an image is damaged", async (place: Place) => {
  const store = await place.open({ redo }), timeline = store.timeline();
  await write(timeline, "z=1 / z=2 /");
  await timeline.compact();
  await write(timeline, "a=1 a+2 / a+3 /");
  await timeline.compact();
  const merged = timeline.layers().find(({ firstLsn }) => firstLsn === 3)!.path,
    bytes = Deno.readFileSync(merged);
  // It lies over both, and so the image begins with an older LSN than the layer that has the patches.
  await write(timeline, "0=1 zz=2 /");
  await timeline.gc({ history: { lsns: 0 } });
  const [{ kind, firstLsn, path: image }, ...others] = timeline.layers();
  assertEquals([kind, firstLsn, others], ["image", 1, []]);
  await place.close(store);
  Deno.writeFileSync(merged, bytes);
  for (const path of place.files(/manifest-/)) Deno.removeSync(path);
  const whole = Deno.readFileSync(image), to = `${place.path}-salvaged`;
  for (const damaged of ["nothing", "the index", "the footer"]) {
    if (damaged === "the index") whole.fill(0, whole.length - 2 * 4096, whole.length - 4096);
    if (damaged === "the footer") whole.fill(0, whole.length - 4096);
    Deno.writeFileSync(image, whole);
    const { timelines: [{ name }] } = await salvage(place.path, to);
    {
      await using found = await Store.open(to, { redo });
      assertEquals(textOf(await found.timeline(name).get("a")), "1+2+3", damaged);
    }
    Deno.removeSync(to, { recursive: true });
  }
});
