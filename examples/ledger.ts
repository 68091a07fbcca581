// deno-lint-ignore-file no-console
/**
 * A ledger: transfers that never overdraw an account, whoever else transfers meanwhile, and what every balance was.
 *
 * A transfer reads the accounts that it changes and appends if they are still as they were read: if one of them has
 * changed meanwhile nothing is applied, and it reads again. Transfers between other accounts do not matter to it.
 *
 * @module
 */

import { ConflictError, type Lsn, Store, type Timeline } from "@varve/varve";

const text = new TextDecoder();

/** The balance that a value says; 0 for an account that there is not. */
function balanceOf(value: Uint8Array | undefined): bigint {
  return value === undefined ? 0n : BigInt(text.decode(value));
}

/** Puts money into an account. */
export async function deposit(ledger: Timeline, account: string, amount: bigint): Promise<Lsn> {
  return await change(ledger, [account], ([balance]) => [balance + amount]);
}

/** Moves money from one account to another, or throws a `RangeError` if there is too little. */
export async function transfer(ledger: Timeline, from: string, to: string, amount: bigint): Promise<Lsn> {
  return await change(ledger, [from, to], ([source, target]) => {
    if (source < amount) throw new RangeError(`Cannot transfer ${amount}: "${from}" has ${source}`);
    return [source - amount, target + amount];
  });
}

async function change(
  ledger: Timeline,
  accounts: string[],
  next: (balances: bigint[]) => bigint[],
): Promise<Lsn> {
  const keys = accounts.map((account) => `account/${account}`);
  for (;;) {
    const read = await Array.fromAsync(ledger.getVectored(keys));
    const balances = next(read.map(({ value }) => balanceOf(value)));
    const changes = keys.map((key, i) => ({ key, value: `${balances[i]}` }));
    try {
      return await ledger.append(changes, { expect: read, sync: true });
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/** All balances, now or as of an LSN. */
export async function balances(ledger: Timeline, lsn?: Lsn): Promise<Map<string, bigint>> {
  const found = new Map<string, bigint>();
  for await (const { key, value } of ledger.scan({ prefix: "account/" }, { lsn })) {
    found.set(text.decode(key).slice("account/".length), balanceOf(value));
  }
  return found;
}

/** The last balances of an account, newest first. */
export async function statement(ledger: Timeline, account: string, limit: number): Promise<bigint[]> {
  const versions = ledger.history(`account/${account}`, { reverse: true, limit });
  return await Array.fromAsync(versions, ({ value }) => balanceOf(value));
}

if (import.meta.main) {
  await using ended = new AsyncDisposableStack();
  const [path = await Deno.makeTempDir()] = Deno.args;
  if (Deno.args.length === 0) ended.defer(() => Deno.remove(path, { recursive: true }));
  await using store = await Store.open(path);
  const ledger = store.timeline();
  const opened = await deposit(ledger, "ann", 100n);
  await Promise.all(Array.from({ length: 64 }, (_, i) => transfer(ledger, "ann", i % 2 ? "bob" : "cy", 1n)));
  console.log(await balances(ledger), await balances(ledger, opened), await statement(ledger, "ann", 3));
}
