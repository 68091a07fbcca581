// deno-lint-ignore-file no-console
/**
 * A producer and a follower of one log. Each of them may be a program of its own: the follower then opens the log to read
 * it only.
 *
 * @module
 */

import { Log, OffsetError } from "@varve/varve/log";

/** Something that happened. */
export interface Event {
  kind: string;
  at: number;
}

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** Appends events as they come, and makes them durable whenever there is nothing more for now. */
export async function produce(log: Log, events: AsyncIterable<Event>): Promise<number> {
  for await (const event of events) await log.append(encoder.encode(JSON.stringify(event)));
  return await log.sync();
}

/**
 * Handles every event once, in order, from an offset on, and goes on with those that come.
 *
 * @param log The log.
 * @param from Where to begin: the offset behind the last event that was handled, as whoever handles them remembers it.
 * @param handle Handles an event.
 * @param signal Ends it.
 * @returns The offset to begin at the next time.
 */
export async function consume(
  log: Log,
  from: number,
  handle: (event: Event, offset: number) => Promise<void> | void,
  signal: AbortSignal,
): Promise<number> {
  let next = from;
  try {
    for await (const { offset, payload } of log.readable({ from, follow: true, signal })) {
      const event: Event = JSON.parse(decoder.decode(payload));
      await handle(event, offset);
      next = offset + 1;
    }
  } catch (error) {
    if (error instanceof OffsetError) {
      console.error(`Events ${next} to ${error.firstOffset - 1} were given up before they were handled`);
    } else if (!signal.aborted || error !== signal.reason) throw error;
  }
  return next;
}

if (import.meta.main) {
  await using ended = new AsyncDisposableStack();
  const [path = await Deno.makeTempDir()] = Deno.args;
  if (Deno.args.length === 0) ended.defer(() => Deno.remove(path, { recursive: true }));
  await using log = await Log.open(path, { retain: { bytes: 2 ** 30 } });
  const count = 5, controller = new AbortController(), last = log.nextOffset + count - 1;
  const following = consume(log, log.nextOffset, ({ kind }, offset) => {
    console.log(`event ${offset}: ${kind}`);
    if (offset === last) controller.abort();
  }, controller.signal);
  const produced = produce(
    log,
    async function* () {
      for (let i = 0; i < count; i++) {
        yield { kind: i % 2 === 0 ? "tick" : "tock", at: Date.now() };
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }(),
  );
  console.log(`durable up to offset ${await produced - 1}, next is ${await following}`);
}
