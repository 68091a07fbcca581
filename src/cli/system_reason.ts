/**
 * Says why the system refused something, without the operation and the path that Deno adds, for those who say them.
 *
 * @param error What was thrown.
 */
export function systemReason(error: unknown): string {
  return (error as Error).message.replace(/: \w+ '.*'$/s, "");
}
