/** Programs in a namespace of their own, in which they may mount what nobody else sees. */

/** Why nothing can be mounted here; `undefined` if it can. */
export const mountAbsence: string | undefined = await findAbsence();

async function findAbsence(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "unshare needs Linux";
  try {
    const args = ["-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
    const { success, stderr } = await new Deno.Command("unshare", { args }).output();
    return success ? undefined : `unshare is refused here: ${new TextDecoder().decode(stderr).trim()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "unshare is not installed: apt-get install util-linux";
    throw error;
  }
}

/** The command that runs a program for which a directory is read only. */
export function readOnlyMount(path: string): string[] {
  return mounting(`mount --bind "${path}" "${path}" && mount -o remount,ro,bind "${path}"`);
}

/** The command that runs a program for which a directory is a file system of so many bytes in memory. */
export function tmpfsMount(path: string, bytes: number): string[] {
  return mounting(`mount -t tmpfs -o size=${bytes} tmpfs "${path}"`);
}

function mounting(mount: string): string[] {
  return ["unshare", "-Urm", "sh", "-c", `${mount} && exec "$@"`, "sh"];
}
