/** Whenever the machine goes down, all that was acknowledged is found, and nothing that was not asked for. */

import { assert, assertEquals } from "@std/assert";
import type { Objects } from "../../src/objects/mod.ts";
import { Manifest } from "../../src/manifest/mod.ts";
import { SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { objectsOn } from "../segment/segment_fixture.ts";
import { work, Worker } from "./worker.ts";

/** The files of a store on a simulated disk. */
class SimRoot {
  readonly engine: SimEngine;
  readonly home: Objects;

  constructor(disk: SimDisk = new SimDisk()) {
    this.engine = new SimEngine({ disk });
    this.home = objectsOn(this.engine);
  }

  async open(readOnly = false): Promise<Manifest> {
    const manifest = await Manifest.open(this.home, { readOnly });
    assert(manifest !== undefined, "there is a manifest");
    return manifest;
  }
}

/** What was acknowledged, and asked for last, when the machine went down. */
interface Known {
  readonly acknowledged: number;
  readonly asked: number;
}

/** What is found after a crash is what was acknowledged, or what was asked for last; and work goes on from there. */
async function checkState(disk: SimDisk, { acknowledged, asked }: Known): Promise<void> {
  const root = new SimRoot(disk);
  const reader = await Manifest.open(root.home, { readOnly: true });
  if (acknowledged === 0 && reader === undefined) return;
  const generation = reader!.state.generation;
  assert(generation >= acknowledged && generation <= asked, `${generation}: lost or made up`);
  const next = await root.open();
  assertEquals(next.state, reader!.state);
  assertEquals((await root.open()).state, next.state, "opening changes nothing");
  await next.commit({ type: "generation", generation: 1000 });
  const names = await root.home.root.list();
  assert(names.length <= 2, `leftovers: ${names}`);
  await next.close();
  assertEquals((await root.open()).state, next.state);
}

Deno.test("Manifest keeps what it acknowledged, whatever operation the machine goes down in", async () => {
  const root = new SimRoot(), worker = new Worker(root);
  const moments: (Known & { disk: SimDisk })[] = [];
  root.engine.observe = () => {
    const { acknowledged, asked } = worker;
    moments.push({ disk: root.engine.disk.clone(), acknowledged, asked });
  };
  await work(worker);
  let states = 0;
  for (const { disk, ...known } of moments) {
    for (const left of [disk.killed(), ...disk.crashStates({ limit: 64 })]) {
      await checkState(left, known);
      states++;
    }
  }
  assert(moments.length > 150 && states > 500, `${moments.length} moments, ${states} states`);
});
