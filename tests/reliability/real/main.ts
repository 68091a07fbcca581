/**
 * Trials on real files, for as long as one likes.
 *
 * ```
 * deno task reliability:real [all|kill|log-kill|races|full|readers|syscalls|ring] [minutes] [seed]
 * deno task reliability:real syscalls 600 every      each call in each way, instead of some
 * ```
 *
 * What was counted is printed as JSON. A trial that failed is run again by its seed, as far as the system is the same;
 * what it did is in its message.
 */

// deno-lint-ignore-file no-console
import { type Counts, sumCounts } from "./counts.ts";
import { parts } from "./parts.ts";

async function main(): Promise<void> {
  const [name = "all", minutes = "1", which] = Deno.args;
  if (name !== "all" && !(name in parts)) {
    throw new TypeError(`Expected all or one of ${Object.keys(parts).join(", ")}, found "${name}"`);
  }
  const chosen = name === "all" ? Object.values(parts) : [parts[name]];
  const milliseconds = Number(minutes) * 60_000 / chosen.length;
  const every = which === "every";
  const seed = which === undefined || every ? undefined : Number(which);
  const all: Counts[] = [];
  for (const part of chosen) all.push(await part({ milliseconds }, { seed, every }));
  const sum = sumCounts(all);
  console.log(JSON.stringify(sum, null, 2));
  Deno.exit(sum.failures.length === 0 ? 0 : 1);
}

await main();
