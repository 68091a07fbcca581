import { assert, assertEquals } from "@std/assert";
import { Random, seeds } from "./random.ts";
import corpus from "./data/seeds.json" with { type: "json" };

Deno.test("seeds() tries those that found something first", () => {
  const [[name, known]] = Object.entries(corpus);
  const tried = [...seeds(name, 2)];
  assertEquals([tried.length, tried.slice(0, known.length)], [known.length + 2, known]);
  assertEquals([...seeds("no such trial", 3)].length, 3);
});

Deno.test("seeds() prints the seed of a run that failed, which VARVE_SEED repeats", async () => {
  const url = new URL("random.ts", import.meta.url).href;
  const trial = `import { seeds } from "${url}";
    for (const seed of seeds("a trial", 50)) if (seed % 2 === 1) throw new Error("odd " + seed);`;
  const run = async (env: Record<string, string>) => {
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(file, trial);
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", file],
      env: { NO_COLOR: "1", ...env },
    }).output();
    await Deno.remove(file);
    return new TextDecoder().decode(stderr);
  };
  const seed = /^a trial: VARVE_SEED=([0-9]+)$/m.exec(await run({}))?.[1];
  assert(seed !== undefined && Number(seed) % 2 === 1);
  const repeated = await run({ VARVE_SEED: seed });
  assert(repeated.includes(`odd ${seed}`) && repeated.includes(`VARVE_SEED=${seed}`), repeated);
});

Deno.test("seeds() draws others each time, and the same again from VARVE_SEED_BASE and the name of the trial", async () => {
  const url = new URL("random.ts", import.meta.url).href;
  const code =
    `import { seeds } from "${url}"; console.log([...seeds("a trial", 3)], [...seeds("another", 3)]);`;
  const draw = async (env: Record<string, string>) => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--no-check", code],
      env: { NO_COLOR: "1", ...env },
      clearEnv: true,
    }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  const [first, other] = [await draw({ VARVE_SEED_BASE: "1f" }), await draw({ VARVE_SEED_BASE: "20" })];
  assertEquals(await draw({ VARVE_SEED_BASE: "1f" }), first);
  const drawn = [first, other, await draw({}), await draw({})].flatMap((text) => text.match(/\d+/g) ?? []);
  assertEquals(
    new Set(drawn.filter((word) => word.length > 3)).size,
    drawn.filter((word) => word.length > 3).length,
  );
});

Deno.test("Random repeats itself from the same seed", () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return [random.word(), random.below(10), random.long(), ...random.bytes(3)];
  };
  assertEquals(draw(5), draw(5));
  assert(draw(5).join() !== draw(6).join());
});
