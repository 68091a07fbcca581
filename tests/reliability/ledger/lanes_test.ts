import { assertEquals } from "@std/assert";
import { deadline } from "../../deadline.ts";
import { inLanes } from "./lanes.ts";

Deno.test("inLanes() does one piece at a time until it is alone, then two", async () => {
  const alone = Promise.withResolvers<void>(), begun: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const turns = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const done = inLanes(ends.keys(), alone.promise, (piece) => {
    begun.push(piece);
    return ends[piece].promise;
  });
  await turns();
  assertEquals(begun, [0]);
  ends[0].resolve();
  await turns();
  assertEquals(begun, [0, 1]);
  alone.resolve();
  await turns();
  assertEquals(begun, [0, 1, 2]);
  ends[2].resolve();
  await turns();
  assertEquals(begun, [0, 1, 2, 3]);
  for (const { resolve } of ends) resolve();
  await deadline(done);
  assertEquals(begun, [0, 1, 2, 3, 4]);
});

Deno.test("inLanes() ends with its last piece, also if it never was alone, and with what fails", async () => {
  const begun: number[] = [], never = new Promise<void>(() => {});
  await deadline(inLanes([1, 2, 3], never, (piece) => Promise.resolve(void begun.push(piece))));
  assertEquals(begun, [1, 2, 3]);
  const failing = inLanes([1], never, () => Promise.reject(new Error("it fails")));
  assertEquals(await deadline(failing).catch((error: Error) => error.message), "it fails");
});
