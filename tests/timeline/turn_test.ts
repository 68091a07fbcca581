import { assert } from "@std/assert";
import { Store } from "../../mod.ts";

for (const read of ["get", "getMany", "getVectored"] as const) {
  Deno.test(`Timeline.${read}() lets the event loop turn when memory answers every read`, async () => {
    const directory = await Deno.makeTempDir();
    const store = await Store.open(directory);
    const timer = { fired: false };
    const handle = setTimeout(() => timer.fired = true, 0);
    try {
      const timeline = store.timeline();
      await timeline.append([{ key: "a", value: "1" }]);
      let reads = 0;
      while (!timer.fired && reads < 1_000_000) {
        reads++;
        if (read === "get") await timeline.get("a");
        else if (read === "getMany") await timeline.getMany(["a"]);
        else for await (const _ of timeline.getVectored(["a"]));
      }
      assert(timer.fired, `no timer fired during ${reads} reads`);
    } finally {
      clearTimeout(handle);
      await store.close();
      await Deno.remove(directory, { recursive: true });
    }
  });
}
