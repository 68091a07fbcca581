/** A module that exports a redo, which a Worker loads too. */

export { redo } from "./fixture.ts";
