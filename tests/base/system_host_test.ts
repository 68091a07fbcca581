import { assertEquals } from "@std/assert";
import { systemTimers } from "../../src/base/system_host.ts";
import { root } from "../source.ts";

/** What a process prints that has nothing to do but to wait for a timer. */
async function printed(options: string): Promise<string> {
  const module = new URL("src/base/system_host.ts", root).href;
  const code = `import { systemTimers } from ${JSON.stringify(module)};
    systemTimers.after(20, () => console.log("called"), ${options});`;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", code],
    cwd: root,
  });
  return new TextDecoder().decode((await command.output()).stdout).trim();
}

Deno.test("a timer of the machine keeps a process alive only where somebody waits for it", async () => {
  assertEquals([await printed("{ isAwaited: true }"), await printed("{}")], ["called", ""]);
});

Deno.test("a timer of the machine that was cancelled calls nobody", async () => {
  let calls = 0;
  const cancel = systemTimers.after(1, () => calls++, { isAwaited: true });
  cancel();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(calls, 0);
});
