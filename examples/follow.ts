// deno-lint-ignore-file no-console
/**
 * Two things that are kept up to date by following a timeline: a copy in another store, batch for batch at the same
 * LSNs, and totals in memory, which say up to which LSN they are.
 *
 * Either goes on where it stood after it was stopped, with the LSN behind the last one that it has.
 *
 * @module
 */

import { type Lsn, Store, type Timeline } from "@varve/varve";

const text = new TextDecoder();

/** Copies what changes, also what is appended later, until it is stopped. */
export async function replicate(from: Timeline, to: Timeline, signal: AbortSignal): Promise<void> {
  const changes = from.changes({ from: to.lastLsn + 1, follow: true, signal });
  try {
    for await (const { lsn, changes: batch } of changes) await to.append(batch, { lsn });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** How much each customer has ordered. */
export class Totals {
  readonly #orders = new Map<string, { customer: string; amount: number }>();
  /** Up to which LSN orders are counted. */
  lsn: Lsn = 0;

  /** Counts orders that there are and that come, until it is stopped. */
  async follow(orders: Timeline, signal: AbortSignal): Promise<void> {
    const changes = orders.changes({ from: this.lsn + 1, prefix: "order/", follow: true, signal });
    try {
      for await (const batch of changes) {
        for (const change of batch.changes) {
          const id = text.decode(change.key);
          if ("delete" in change) {
            this.#orders.delete(id);
            continue;
          }
          // A patch is told as it was appended: the value that it makes is read.
          const value = "value" in change ? change.value : await orders.get(change.key, { lsn: batch.lsn });
          this.#orders.set(id, JSON.parse(text.decode(value)));
        }
        this.lsn = batch.lsn;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** What a customer has ordered. */
  of(customer: string): number {
    const orders = [...this.#orders.values()].filter((order) => order.customer === customer);
    return orders.reduce((sum, { amount }) => sum + amount, 0);
  }
}

if (import.meta.main) {
  await using ended = new AsyncDisposableStack();
  const [path = await Deno.makeTempDir()] = Deno.args;
  if (Deno.args.length === 0) ended.defer(() => Deno.remove(path, { recursive: true }));
  await using store = await Store.open(`${path}/orders`);
  await using other = await Store.open(`${path}/copy`);
  const orders = store.timeline(),
    copy = other.timeline(),
    totals = new Totals(),
    stop = new AbortController();
  const following = [replicate(orders, copy, stop.signal), totals.follow(orders, stop.signal)];
  for (let i = 1; i <= 100; i++) {
    const order = { customer: i % 2 === 0 ? "ann" : "bob", amount: i };
    await orders.append([{ key: `order/${i}`, value: JSON.stringify(order) }]);
  }
  const last = await orders.append([{ key: "order/100", delete: true }], { sync: true });
  while (copy.lastLsn < last || totals.lsn < last) await new Promise((resolve) => setTimeout(resolve, 1));
  console.log(`Ann ordered ${totals.of("ann")}, bob ${totals.of("bob")}; LSN ${totals.lsn}`);
  console.log(`The copy has ${await copy.count()} orders, and all ${copy.lastLsn} batches of their history`);
  stop.abort();
  await Promise.all(following);
}
