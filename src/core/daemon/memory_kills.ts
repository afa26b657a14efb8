/**
 * Telling a process that the system killed for lack of memory from one that a person killed: both end by SIGKILL.
 *
 * @module
 */

/** Files of Linux that count such kills: of the machine, and of the control group that a container is. */
const COUNTERS = ["/proc/vmstat", "/sys/fs/cgroup/memory.events"] as const;

/** Returns how often the system has killed a process for lack of memory; 0 where it does not tell. */
export async function countMemoryKills(): Promise<number> {
  if (Deno.build.os !== "linux") return 0;
  const counts = await Promise.all(COUNTERS.map(async (path) => {
    try {
      return Number(/^oom_kill (\d+)/m.exec(await Deno.readTextFile(path))?.[1] ?? 0);
    } catch {
      return 0; // not there, or not to be read
    }
  }));
  return counts.reduce((sum, count) => sum + count);
}
