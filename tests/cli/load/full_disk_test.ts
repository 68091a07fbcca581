/** `varve load` onto a disk that has no room for it: a small one in memory, which is there for one run alone. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { TemporaryFolder } from "../../git/fixture.ts";
import { varve } from "../fixture.ts";
import { canMount, onSmallDisk } from "../small_disk.ts";

const count = 200_000;

for (const hasLsns of [false, true]) {
  Deno.test({
    name: `varve load says of a full disk what is stored, and goes on with ${
      hasLsns ? "LSNs" : "a position"
    }`,
    ignore: !canMount(),
    fn: async () => {
      await using folder = new TemporaryFolder();
      await Deno.mkdir(folder.join("small"));
      const lines = Array.from({ length: count }, (_, i) => {
        const lsn = hasLsns ? { lsn: Math.floor(i / 1000) + 1 } : {};
        return `${JSON.stringify({ key: `k${i}`, value: `${"v".repeat(80)}${i}`, ...lsn })}\n`;
      });
      await Deno.writeTextFile(folder.join("lines"), lines.join(""));
      const full = await varve(folder, ["load", "small/store", "lines", "--create"], "", onSmallDisk);
      const said = full.err.trimEnd().split("\n").at(-1) as string;
      assertEquals([full.code, full.out], [1, ""], said);
      assertMatch(
        said,
        /^varve: Cannot load lines: Cannot write [^\n]*ENOSPC [^\n]*goes on with the rest once there is room\)$/,
      );
      const [, stored] = said.match(hasLsns ? /ends with LSN (\d+);/ : /\(([\d,]+) lines are stored;/) ?? [];
      const kept = Number(stored.replaceAll(",", "")) * (hasLsns ? 1000 : 1);
      assert(kept > 0 && kept < count, said);
      const rest = await varve(folder, ["load", "kept", "lines"]);
      assertEquals(rest.code, 0, rest.err);
      assertMatch(rest.out, new RegExp(`; ${kept.toLocaleString("en-US")} lines were stored before\n$`));
    },
  });
}
