// deno-lint-ignore-file no-console
/**
 * An HTTP server over a store: `GET`, `PUT` and `DELETE` of `/key`, `GET /key?lsn=1` for what it was then, and
 * `GET /?prefix=a` for a stream of lines. Gets that come at the same time share reads.
 *
 * @module
 */

import { LimitError, LsnError, Store, type Timeline, type ValueEntry } from "@varve/varve";

/** Lines of JSON, one for each entry. */
function lines(): TransformStream<ValueEntry, string> {
  const text = new TextDecoder();
  return new TransformStream({
    transform({ key, value, lsn }, controller) {
      controller.enqueue(JSON.stringify({ key: text.decode(key), value: text.decode(value), lsn }) + "\n");
    },
  });
}

async function answer(timeline: Timeline, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const key = decodeURIComponent(url.pathname.slice(1));
  const asked = url.searchParams.get("lsn");
  const lsn = asked === null ? undefined : Number(asked);
  switch (request.method) {
    case "GET": {
      if (key === "") {
        const prefix = url.searchParams.get("prefix") ?? undefined;
        // It ends with whoever reads it: a body that is given up gives up the scan.
        const body = timeline.scan({ prefix }, { lsn }).pipeThrough(lines());
        return new Response(body.pipeThrough(new TextEncoderStream()));
      }
      const entry = await timeline.getEntry(key, { lsn });
      if (entry.value === undefined) return new Response("Not found\n", { status: 404 });
      return new Response(entry.value, { headers: { etag: `"${entry.lsn}"` } });
    }
    case "PUT": {
      const written = await timeline.append([{ key, value: await request.bytes() }], { sync: true });
      return Response.json({ lsn: written });
    }
    case "DELETE":
      return Response.json({ lsn: await timeline.append([{ key, delete: true }], { sync: true }) });
    default:
      return new Response("Method not allowed\n", { status: 405 });
  }
}

/** What answers requests: to be given to `Deno.serve`. */
export function handler(timeline: Timeline): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await answer(timeline, request);
    } catch (error) {
      const isAsked = error instanceof LimitError || error instanceof LsnError ||
        error instanceof RangeError || error instanceof TypeError || error instanceof URIError;
      if (isAsked) return new Response(`${error.message}\n`, { status: 400 });
      console.error(error);
      return new Response("Internal error\n", { status: 500 });
    }
  };
}

if (import.meta.main) {
  await using ended = new AsyncDisposableStack();
  const [path = await Deno.makeTempDir()] = Deno.args;
  if (Deno.args.length === 0) ended.defer(() => Deno.remove(path, { recursive: true }));
  await using store = await Store.open(path);
  // This machine alone: nobody is asked who they are.
  const server = Deno.serve({ hostname: "127.0.0.1", port: 8000 }, handler(store.timeline()));
  // The server answers what it was asked, then the store is closed: nothing that was acknowledged is lost.
  Deno.addSignalListener("SIGINT", () => void server.shutdown());
  await server.finished;
}
