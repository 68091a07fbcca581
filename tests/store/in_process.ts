/** A store in a process of its own, under permissions of its own. */

const process = new URL("store_process.ts", import.meta.url).pathname;

/**
 * Runs one command of `store_process.ts` and returns what it says.
 *
 * @param grants The permissions, as flags.
 * @param args The command, the store's directory and options as JSON.
 * @param wrapper A command that runs it, such as `unshare`, with its arguments.
 */
export async function inProcess(grants: string[], args: string[], wrapper: string[] = []): Promise<string> {
  const flags = ["run", "--no-prompt", "--no-check", "--quiet", ...grants, process, ...args];
  const [program, ...rest] = [...wrapper, Deno.execPath(), ...flags];
  const { stdout, stderr } = await new Deno.Command(program, { args: rest }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout).trim() || decoder.decode(stderr);
}
