/** A disk that has no room for much: a small one in memory, which is there for one run alone. */

/** Starts a program with a small disk in the folder "small", and copies the store that it leaves there to "kept". */
export const onSmallDisk: readonly string[] = [
  "unshare",
  "--user",
  "--map-root-user",
  "--mount",
  "sh",
  "-c",
  'mount -t tmpfs -o size=8m tmpfs small && { "$@"; code=$?; cp -r small/store kept; exit $code; }',
  "sh",
];

/** Whether this machine lets who runs the tests mount one. */
export function canMount(): boolean {
  if (Deno.build.os !== "linux") return false;
  const [program, ...args] = [...onSmallDisk.slice(0, 6), "mount -t tmpfs tmpfs /mnt"];
  try {
    return new Deno.Command(program, { args, stderr: "null" }).outputSync().success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}
