/** A log whose writer is another process: it is killed, followed, and kept out. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LockedError, Log } from "../../log.ts";
import { checkRecords, isSame, payloadOf, test } from "./log_fixture.ts";

const script = new URL("writer_process.ts", import.meta.url).pathname;
const root = new URL("../..", import.meta.url);

/** A writer in a process of its own, and what it said. */
class OtherWriter {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(path: string, tail: "pad" | "rewrite", syncs: number) {
    const args = ["run", "-A", "--no-check", script, path, tail, `${syncs}`];
    this.#process = new Deno.Command(Deno.execPath(), { args, cwd: root, stdout: "piped" }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** What it said since the last call: offsets, and when. At least one. */
  async told(): Promise<{ offset: number; time: number }[]> {
    for (;;) {
      const { done, value } = await this.#lines.read();
      if (done) return [];
      const lines = (this.#rest + value).split("\n");
      this.#rest = lines.pop() ?? "";
      if (lines.length === 0) continue;
      return lines.map((line) => line.split(" ").map(Number)).map(([offset, time]) => ({ offset, time }));
    }
  }

  /** Kills it; returns the last that it said. */
  async kill(): Promise<number> {
    this.#process.kill("SIGKILL");
    let last = 0;
    for (let told = await this.told(); told.length > 0; told = await this.told()) {
      last = told.at(-1)?.offset ?? last;
    }
    await this.#process.status;
    return last;
  }
}

for (const tail of ["pad", "rewrite"] as const) {
  test(`Log whose writer is killed has all that it said was durable, tail "${tail}"`, async ({ path }) => {
    let durable = 0;
    for (let round = 0; round < 4; round++) {
      const writer = new OtherWriter(path, tail, 1 + round * 7);
      for (let i = 0; i < 20 + 15 * round; i++) durable = (await writer.told()).at(-1)?.offset ?? durable;
      durable = Math.max(durable, await writer.kill());
      await using log = await Log.open(path, { segmentBytes: 64 * 1024, tail });
      assert(log.nextOffset >= durable, `${log.nextOffset} records of ${durable}`);
      await checkRecords(log, 0, log.nextOffset);
      durable = log.nextOffset;
    }
    assert(durable > 100);
  });

  test(`Log that is followed from another process shows what is written in time, tail "${tail}"`, async ({ path }) => {
    const writer = new OtherWriter(path, tail, 0);
    await writer.told();
    await assertRejects(() => Log.open(path), LockedError);
    {
      await using log = await Log.open(path, { readOnly: true });
      const reader = log.readable({ from: 0, follow: true }).getReader(), seen = new Map<number, number>();
      let next = 0;
      while (next < 1500) {
        const { value } = await reader.read();
        assertEquals(value?.offset, next);
        assert(value !== undefined && isSame(value.payload, payloadOf(next)));
        seen.set(next++, Date.now());
      }
      assert(log.segments().length > 1, "it went on over a rotation");
      const late: number[] = [];
      for (let offset = 0; offset < 1400;) {
        for (const told of await writer.told()) {
          offset = told.offset;
          const at = seen.get(offset - 1);
          if (at !== undefined && offset > 200) late.push(at - told.time);
        }
      }
      late.sort((a, b) => a - b);
      // Within flushMilliseconds and 100 more, and what a machine that is busy with other tests adds to that.
      assert(late[late.length >> 1] <= 200, `${late[late.length >> 1]} ms`);
      await reader.cancel();
    }
    await writer.kill();
  });
}
