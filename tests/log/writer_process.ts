/**
 * A process that appends records to a log and says what is durable, for as long as it lives.
 *
 * Arguments: the directory, `pad` or `rewrite`, and after how many records it syncs; 0 if it never does. Each line that it
 * writes is an offset behind the last durable record, and the time.
 */

import { Log } from "../../log.ts";
import { payloadOf } from "./log_fixture.ts";

if (import.meta.main) {
  const [path, tail, every] = Deno.args, syncs = Number(every), encoder = new TextEncoder();
  const log = await Log.open(path, { segmentBytes: 64 * 1024, tail: tail === "pad" ? "pad" : "rewrite" });
  for (;;) {
    const offset = await log.append(payloadOf(log.nextOffset));
    if (syncs > 0 && offset % syncs === 0) await log.sync();
    if (syncs > 0 || offset % 20 === 0) {
      const told = syncs > 0 ? log.durableOffset : log.nextOffset;
      Deno.stdout.writeSync(encoder.encode(`${told} ${Date.now()}\n`));
    }
    if (syncs === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
