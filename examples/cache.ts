// deno-lint-ignore-file no-console
/**
 * A cache of what was fetched. Values are the bodies of responses as they are; nobody syncs, since what a crash takes
 * can be fetched again: a killed process loses what was fetched in its last 100 ms.
 *
 * Use `ioMode: "buffered"` for a cache that fits in memory: the system's page cache then answers.
 *
 * @module
 */

import { Store, type Timeline } from "@varve/varve";

/** What fetches what is not in the cache. */
export type Fetch = (url: string) => Promise<Response>;

const text = new TextDecoder();

/** Answers from the cache, or fetches and keeps the answer. */
export async function cached(cache: Timeline, url: string, fetch: Fetch): Promise<Response> {
  // One batch wrote both, and one vectored read takes both as of one LSN.
  const [body, type] = await cache.getMany([`body ${url}`, `type ${url}`]);
  if (body !== undefined) return respond(body, text.decode(type), "hit");
  const response = await fetch(url);
  if (!response.ok) return response;
  const bytes = await response.bytes();
  const contentType = response.headers.get("content-type") ?? "application/octet-stream";
  await cache.append([{ key: `body ${url}`, value: bytes }, { key: `type ${url}`, value: contentType }]);
  return respond(bytes, contentType, "miss");
}

function respond(body: Uint8Array<ArrayBuffer>, contentType: string, found: "hit" | "miss"): Response {
  return new Response(body, { headers: { "content-type": contentType, "x-cache": found } });
}

/** Forgets every answer whose address starts so; returns how many. What was there stays readable as of its LSN. */
export async function forget(cache: Timeline, prefix: string): Promise<number> {
  const forgotten: string[] = [];
  for await (const { key } of cache.scan({ prefix: `body ${prefix}`, keysOnly: true })) {
    forgotten.push(text.decode(key).slice("body ".length));
  }
  await cache.append(
    forgotten.flatMap((url) => [{ key: `body ${url}`, delete: true }, { key: `type ${url}`, delete: true }]),
  );
  return forgotten.length;
}

if (import.meta.main) {
  await using ended = new AsyncDisposableStack();
  const [path = await Deno.makeTempDir()] = Deno.args;
  if (Deno.args.length === 0) ended.defer(() => Deno.remove(path, { recursive: true }));
  await using store = await Store.open(path, { ioMode: "buffered" });
  const slow: Fetch = (url) => Promise.resolve(Response.json({ url, at: Date.now() }));
  for (let i = 0; i < 2; i++) {
    const response = await cached(store.timeline(), "https://example.com/a", slow);
    console.log(response.headers.get("x-cache"), await response.text());
  }
  console.log(await forget(store.timeline(), "https://example.com/"));
}
