// The checkout's stand-in for jsr:@std/streams, re-exported from its npm build.
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/streams/mod.js";
