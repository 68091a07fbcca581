/** Learning from its pads whose a file is. */

import { assertEquals } from "@std/assert";
import { blockBytes } from "../../../src/base/mod.ts";
import { encodePad, findFileId, padBytes } from "../../../src/layer/mod.ts";
import { objectId } from "../../../src/objects/mod.ts";
import { StoredObject } from "../../../src/objects/stored_object.ts";
import { noTurns } from "../../timeline/read/layers.ts";

const id = objectId({ timeline: 1, firstLsn: 1, sequence: 1, generation: 1, kind: "seg" });

/** A pad that says it stands at `claimed`, of the length that fills up to the end of a block from `offset` on. */
function padAt(offset: number, fileId: number, claimed: number = offset): Uint8Array {
  const left = blockBytes - offset % blockBytes, length = left < padBytes ? left + blockBytes : left;
  return encodePad(length, 9, { fileId, offset: claimed, durableOffset: 0, durableLsn: 0 });
}

/** Looks in a file of 40 blocks that has some pads, read so many bytes at a time. */
function found(
  pads: readonly (readonly [offset: number, pad: Uint8Array])[],
  chunk: number,
): Promise<number | undefined> {
  const bytes = new Uint8Array(40 * blockBytes).fill(4);
  for (const [offset, pad] of pads) bytes.set(pad, offset);
  async function* stream(
    _object: unknown,
    { start = 0, end = bytes.length },
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let at = start; at < end; at += chunk) {
      yield await Promise.resolve(bytes.slice(at, Math.min(end, at + chunk)));
    }
  }
  const pace = { turns: noTurns, check: () => {} };
  return findFileId({ stream }, new StoredObject("/store", id, 0), bytes.length, pace);
}

Deno.test("findFileId() finds the one pad of a file, wherever it stands and however much is read at once", async () => {
  const starts = [0, 1, 100, blockBytes - padBytes, blockBytes - padBytes + 1, blockBytes - 1];
  for (const block of [1, 4, 5, 30, 38]) {
    for (const start of starts) {
      const offset = block * blockBytes + start;
      for (const chunk of [blockBytes, 3 * blockBytes, 64 * blockBytes]) {
        assertEquals(
          await found([[offset, padAt(offset, 2 ** 52 + 7)]], chunk),
          2 ** 52 + 7,
          `${offset} ${chunk}`,
        );
      }
    }
  }
});

Deno.test("findFileId() takes no pad that does not stand where it says, or does not check", async () => {
  const at = 7 * blockBytes + 50, broken = padAt(at, 5);
  broken[40] ^= 1;
  assertEquals(await found([[at, padAt(at, 5, at + blockBytes)]], blockBytes), undefined);
  assertEquals(await found([[at, broken]], blockBytes), undefined);
  const later = 9 * blockBytes + 50;
  assertEquals(await found([[at, padAt(at, 5, 50)], [later, padAt(later, 6)]], blockBytes), 6);
});
