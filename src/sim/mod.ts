/**
 * Floor 2: a simulated machine for tests: a disk that fails, loses power and rots on command, an engine on it, and a
 * host on which the same choices lead to the same run.
 *
 * @module
 */

export * from "./choices.ts";
export type { CrashOptions } from "./disk/crash_states.ts";
export * from "./disk/damage.ts";
export { SimDisk } from "./disk/sim_disk.ts";
export * from "./engine/faults.ts";
export * from "./engine/held_write.ts";
export * from "./engine/sim_engine.ts";
export * from "./host/sim_host.ts";
export { randomOf } from "./host/sim_random.ts";
export { promptSchedule, type SimSchedule } from "./host/sim_schedule.ts";
export { type SimServe, SimWorkers, type SimWorkersOptions } from "./host/sim_workers.ts";
export { SimTime } from "./host/sim_time.ts";
export { Trace } from "./host/trace.ts";
export * from "./odometer.ts";
