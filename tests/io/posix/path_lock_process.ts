/** Locks the directory that is its argument, says so, and waits to be killed. */

import { nodeEngine } from "../../../src/io/node/node_engine.ts";

await nodeEngine().lock(Deno.args[0]);
await Deno.stdout.write(new TextEncoder().encode("locked\n"));
await new Promise((resolve) => setTimeout(resolve, 60_000));
