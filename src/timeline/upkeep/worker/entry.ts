/**
 * What the Worker of a store runs. It is started by its URL, and imported by nobody.
 *
 * @module
 */

import { giveWay, openEngine, parentLink, systemHost } from "../../../io/mod.ts";
import { serveUpkeep } from "./server.ts";

giveWay();
serveUpkeep(parentLink(), async (name) => {
  // The main thread says which engine; another one would not do.
  const ioEngine = name === "sim" ? "node" : name;
  const { engine } = await openEngine({ ioEngine, strict: true });
  return systemHost(engine);
});
