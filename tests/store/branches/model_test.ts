/**
 * Random work on timelines that go on from each other, to a depth of three and more, and random questions about them,
 * answered by a model too: sealed, merged, given up below a horizon, deleted, closed, killed and opened again meanwhile.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LsnError, type Snapshot, type Store, type Timeline, VarveError } from "../../../mod.ts";
import { Random, seeds } from "../../random.ts";
import { collect, patterned, sameBytes } from "../bytes.ts";
import { type Place, testEach } from "../matrix.ts";
import { type ModelChange, modelRedo, type ModelVersion, toChange } from "../model.ts";
import { BranchModel } from "./branch_model.ts";
import { askFeeds } from "./feed_questions.ts";

const steps = 160, mostTimelines = 9;
const encoder = new TextEncoder();

class Trial implements AsyncDisposable {
  readonly #random: Random;
  /** What patches are chosen by, apart, so that seeds of earlier programs mean what they meant. */
  readonly #patching: Random;
  readonly #models = new Map<string, BranchModel>([["main", new BranchModel()]]);
  readonly #keys: Uint8Array[];
  #place: Place;
  #store!: Store;
  #made = 0;
  #seed = 0;
  /** How deep timelines went, and what came to pass. */
  readonly seen = { depth: 0, deleted: 0, refused: 0, horizons: 0 };

  constructor(place: Place, seed: number) {
    this.#place = place;
    this.#random = new Random(seed);
    this.#patching = new Random(seed ^ 0x9e3779b9);
    this.#keys = Array.from({ length: 30 }, (_, i) => encoder.encode(`key ${i % 7}/${i}`));
  }

  async run(): Promise<void> {
    await this.#open();
    for (let step = 0; step < steps; step++) {
      try {
        await this.#step();
      } catch (error) {
        throw new Error(`Step ${step}: ${(error as Error).message}`, { cause: error });
      }
    }
    for (const name of this.#models.keys()) await this.#timeline(name).compact();
    await this.#checkAll();
    await this.#reopen();
    await this.#checkAll();
    assertEquals(await Array.fromAsync(this.#store.verify()), []);
  }

  async #open(): Promise<void> {
    const upkeep = this.#random.pick(["slices", "slices", "manual", "worker"] as const);
    const history = this.#random.pick(["all", "all", { lsns: 60 }] as const);
    this.#store = await this.#place.open({ upkeep, history });
    const infos = this.#store.timelines();
    assertEquals(infos.map(({ name }) => name).sort(), [...this.#models.keys()].sort());
    for (const { name, lastLsn, durableLsn, ancestor } of infos) {
      const model = this.#model(name);
      assertEquals([lastLsn, durableLsn], [model.lastLsn, model.lastLsn], name);
      assertEquals(ancestor?.lsn, model.ancestor && model.branchLsn);
    }
  }

  async #reopen(): Promise<void> {
    await this.#place.close(this.#store);
    await this.#open();
  }

  /** What is left when the process dies: all was synced. */
  async #die(): Promise<void> {
    for (const name of this.#models.keys()) await this.#timeline(name).sync();
    const left = await this.#place.copy();
    await this.#place[Symbol.asyncDispose]();
    this.#place = left;
    await this.#open();
  }

  #timeline(name: string): Timeline {
    return this.#store.timeline(name);
  }

  #model(name: string): BranchModel {
    return this.#models.get(name)!;
  }

  #horizon(name: string): number {
    return this.#store.timelines().find((info) => info.name === name)!.horizon;
  }

  #any(): string {
    return this.#random.pick([...this.#models.keys()]);
  }

  async #step(): Promise<void> {
    const random = this.#random, die = random.below(100), name = this.#any();
    if (die < 44) await this.#append(name);
    else if (die < 52) await this.#branch(name);
    else if (die < 55) await this.#delete(name);
    else if (die < 63) await this.#timeline(name).freeze();
    else if (die < 67) await this.#timeline(name).compact();
    else if (die < 71) await this.#timeline(name).gc({ history: { lsns: random.from(5, 80) } });
    else if (die < 73) await this.#reopen();
    else if (die < 74) await this.#die();
    else await this.#check(name);
    this.seen.horizons = Math.max(this.seen.horizons, this.#horizon(this.#any()));
  }

  async #append(name: string): Promise<void> {
    const random = this.#random, timeline = this.#timeline(name), model = this.#model(name);
    for (let i = random.from(1, 12); i > 0; i--) {
      const changes = Array.from({ length: random.pick([0, 1, 1, 2, 5]) }, (): ModelChange => {
        const key = random.pick(this.#keys);
        const value = random.once(3) ? undefined : patterned(random.pick([0, 10, 500, 5000]), ++this.#seed);
        if (!this.#patching.once(3)) return { key, value };
        return { key, value: undefined, patch: patterned(this.#patching.below(40), ++this.#seed) };
      });
      const given = random.once(8) ? model.lastLsn + random.from(1, 9) : undefined;
      const lsn = await timeline.append(changes.map(toChange), { lsn: given });
      assertEquals(lsn, given ?? model.lastLsn + 1);
      model.append(lsn, changes);
    }
  }

  async #branch(ancestor: string): Promise<void> {
    const random = this.#random, model = this.#model(ancestor);
    const name = `branch ${++this.#made}`, horizon = this.#horizon(ancestor);
    const beyond = random.once(4) ? model.lastLsn + random.from(1, 3) : undefined;
    const within = random.once(3) ? undefined : random.from(Math.max(0, horizon - 3), model.lastLsn);
    const lsn = beyond ?? within;
    const make = () => this.#store.createTimeline(name, { ancestor, lsn });
    if (lsn !== undefined && (lsn < horizon || lsn > model.lastLsn)) {
      this.seen.refused++;
      return void await assertRejects(make, LsnError);
    }
    if (this.#models.size >= mostTimelines) return;
    const branch = await make().catch((error) => {
      // A layer that is sealed meanwhile may move the horizon, if that was asked for before.
      if (!(error instanceof LsnError) || lsn === undefined || lsn >= this.#horizon(ancestor)) throw error;
    });
    if (branch === undefined) return void this.seen.refused++;
    const made = new BranchModel(model, lsn ?? model.lastLsn);
    assertEquals([branch.name, branch.lastLsn, branch.durableLsn], [name, made.lastLsn, made.lastLsn]);
    this.#models.set(name, made);
    this.seen.depth = Math.max(this.seen.depth, made.depth);
  }

  async #delete(name: string): Promise<void> {
    const model = this.#model(name), timeline = this.#timeline(name);
    if (name === "main") return;
    const branches = [...this.#models].filter(([, { ancestor }]) => ancestor === model);
    if (branches.length > 0) {
      const error = await assertRejects(() => this.#store.deleteTimeline(name), VarveError);
      for (const [branch] of branches) assert(error.message.includes(`"${branch}"`), error.message);
      return;
    }
    await this.#store.deleteTimeline(name);
    this.#models.delete(name);
    this.seen.deleted++;
    await assertRejects(() => timeline.append([]), Deno.errors.BadResource);
    await assertRejects(() => timeline.get("key"), Deno.errors.BadResource);
  }

  async #checkAll(): Promise<void> {
    for (const name of this.#models.keys()) for (let i = 0; i < 4; i++) await this.#check(name);
  }

  /** Asks everything as of an LSN, through a snapshot or not, while the timelines under it go on. */
  async #check(name: string): Promise<void> {
    const random = this.#random, timeline = this.#timeline(name), { lastLsn } = this.#model(name);
    const horizon = this.#horizon(name);
    const lsn = random.pick([lastLsn, lastLsn, random.from(horizon, lastLsn)]);
    if (random.once(3)) {
      using snapshot = timeline.snapshot(lsn);
      await this.#append(this.#any());
      if (random.once(3)) await this.#timeline(this.#any()).compact();
      return await this.#checkReads(name, snapshot, lsn, horizon, {});
    }
    // A layer that is sealed meanwhile may move the horizon.
    using _held = timeline.snapshot(lsn);
    const asked = { timeline, model: this.#model(name), horizon, lsn };
    const checks = async () => {
      await this.#checkReads(name, timeline, lsn, horizon, { lsn });
      await askFeeds(asked, random);
    };
    await checks().catch((error) => {
      if (!(error instanceof LsnError) || this.#horizon(name) === horizon) throw error;
    });
  }

  async #checkReads(
    name: string,
    reader: Timeline | Snapshot,
    lsn: number,
    horizon: number,
    options: { lsn?: number },
  ): Promise<void> {
    const random = this.#random, model = this.#model(name), keys = this.#keys;
    const at = (what: string, key: Uint8Array) =>
      `${what} of ${new TextDecoder().decode(key)} on ${name} as of ${lsn}, horizon ${horizon}`;
    const same = (what: string, key: Uint8Array, found: Uint8Array | undefined, version?: ModelVersion) =>
      assert(sameBytes(found, version?.value), at(what, key));
    for (const round of ["cold get", "warm get"]) {
      const key = random.pick(keys);
      same(round, key, await reader.get(key, options), model.at(key, lsn));
      const entry = await reader.getEntry(key, options);
      if (entry.value !== undefined) assertEquals(entry.lsn, model.at(key, lsn)?.lsn, at(round, key));
    }
    const many = await reader.getMany(keys, options);
    keys.forEach((key, i) => same("getMany", key, many[i], model.at(key, lsn)));
    const vectored = await collect(reader.getVectored(random.shuffle([...keys]), options));
    for (const { key, value, lsn: found } of vectored) {
      same("getVectored", key, value, model.at(key, lsn));
      if (value !== undefined) assertEquals(found, model.at(key, lsn)?.lsn, at("getVectored", key));
    }
    const range = {
      ...(random.once(2) ? { start: random.pick(keys) } : {}),
      ...(random.once(2) ? { end: random.pick(keys) } : {}),
      ...(random.once(3) ? { prefix: encoder.encode(`key ${random.below(7)}`) } : {}),
      ...(random.once(2) ? { limit: random.from(0, 10) } : {}),
      reverse: random.once(2),
    };
    const expected = model.scan(range, lsn), scanned = await collect(reader.scan(range, options));
    assertEquals(
      scanned.map(({ key, lsn }) => `${new TextDecoder().decode(key)}@${lsn}`),
      expected.map(({ key, version }) => `${new TextDecoder().decode(key)}@${version.lsn}`),
      `scan of ${name} as of ${lsn}, horizon ${horizon}`,
    );
    scanned.forEach(({ key, value }, i) => same("scan", key, value, expected[i].version));
    const keysOnly = await collect(reader.scan({ ...range, keysOnly: true }, options));
    assertEquals(keysOnly.map(({ lsn }) => lsn), expected.map(({ version }) => version.lsn));
    const { limit: _limit, reverse: _reverse, ...counted } = range;
    assertEquals(await reader.count(counted, options), model.scan(counted, lsn).length);
    const explained = await reader.explain(keys, options);
    explained.keys.forEach(({ key, found, valueBytes, excusedByAge, excusedByLsn, excusedByRange }) => {
      const version = model.at(key, lsn);
      assertEquals(valueBytes, version?.value?.length, at("explain", key));
      if (version?.value !== undefined) assertEquals(found?.lsn, version.lsn, at("explain", key));
      assert(excusedByAge >= 0 && excusedByLsn >= 0 && excusedByRange >= 0, at("explain", key));
    });
    const key = random.pick(keys), reverse = random.once(2);
    const from = random.from(Math.max(1, horizon), Math.max(1, horizon, lsn));
    const history = await collect(reader.history(key, { from, to: lsn, reverse }));
    const versions = model.history(key, from, lsn);
    if (reverse) versions.reverse();
    assertEquals(history.map(({ lsn }) => lsn), versions.map(({ lsn }) => lsn), at("history", key));
    history.forEach(({ value }, i) => same("history", key, value, versions[i]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place[Symbol.asyncDispose]();
  }
}

const seen = { depth: 0, deleted: 0, refused: 0, horizons: 0 };

testEach(
  "Timelines that go on from each other answer as the model does",
  async (place) => {
    for (const seed of seeds("branch model", 1)) {
      await using trial = new Trial(place.within(`${seed}`), seed);
      await trial.run();
      for (const name of ["depth", "deleted", "refused", "horizons"] as const) {
        seen[name] = Math.max(seen[name], trial.seen[name]);
      }
    }
  },
  { segmentBytes: 64 * 1024, cacheBytes: 64 * 1024, redo: modelRedo },
);

Deno.test("The model of branches saw depth, horizons, deletions and refusals", () => {
  assert(seen.depth >= 3 && seen.deleted > 0 && seen.refused > 0 && seen.horizons > 0, JSON.stringify(seen));
});
