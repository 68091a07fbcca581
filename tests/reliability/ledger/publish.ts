/** Puts the ledger of a run into docs/reliability.md, between the marks of its kind, and its JSON beside it. */

import { type Ledger, tableOf } from "./ledger.ts";

const docs = new URL("../../../docs/", import.meta.url);

/**
 * Publishes a ledger.
 *
 * @param ledger What was done.
 * @param kind Between which marks: `<!-- kind -->` and `<!-- /kind -->`.
 * @throws {RangeError} If there are no such marks.
 */
export function publish(ledger: Ledger, kind: string): void {
  const page = new URL("reliability.md", docs), text = Deno.readTextFileSync(page);
  const from = `<!-- ${kind} -->`, to = `<!-- /${kind} -->`;
  const start = text.indexOf(from), end = text.indexOf(to);
  if (start < 0 || end < start) {
    throw new RangeError(`Expected the marks ${from} and ${to} in ${page.pathname}`);
  }
  const { date, command, seed, seconds } = ledger;
  const told = `\`${command}\` on ${date.slice(0, 10)}, seed ${seed}, ${Math.round(seconds)} s on two cores:`;
  const table = `${from}\n\n${told}\n\n${tableOf(ledger).join("\n")}\n\n`;
  Deno.writeTextFileSync(page, text.slice(0, start) + table + text.slice(end));
  // Where on a machine something failed is nobody else's business.
  const parts = ledger.parts.map((part) => ({
    ...part,
    failures: part.failures.map(({ command, message }) => ({ command, message: message.split("\n")[0] })),
  }));
  const json = JSON.stringify({ ...ledger, parts }, null, 2);
  Deno.writeTextFileSync(new URL(`reliability.${kind}.json`, docs), `${json}\n`);
}
