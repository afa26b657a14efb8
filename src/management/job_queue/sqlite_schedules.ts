/**
 * Schedules of the job queue in SQLite.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { nextTime, parseCron } from "./cron.ts";
import type { Job, JobSchedule, NewJob, ScheduledJob } from "./job.ts";
import type { JobTable } from "./sqlite_transitions.ts";

/** Adds or changes a schedule; one that stays as it was keeps the time at which it is due. */
export function setSchedule(
  { database, now }: JobTable,
  name: string,
  { cron, job }: { readonly cron: string; readonly job: ScheduledJob },
): void {
  const nextAt = nextTime(parseCron(cron), now());
  database.run(
    `INSERT INTO job_schedules VALUES (:name, :cron, :job, :nextAt)
     ON CONFLICT (name) DO UPDATE SET job = excluded.job, cron = excluded.cron,
       next_at = CASE WHEN cron = excluded.cron THEN next_at ELSE excluded.next_at END`,
    { name, cron, job: JSON.stringify(job), nextAt },
  );
}

/** Removes a schedule; does nothing if there is none. */
export function removeSchedule({ database }: JobTable, name: string): void {
  database.run("DELETE FROM job_schedules WHERE name = :name", { name });
}

/** Lists the schedules. */
export function listSchedules({ database }: JobTable): JobSchedule[] {
  return database.all("SELECT * FROM job_schedules ORDER BY name").map((row) => ({
    name: String(row["name"]),
    cron: String(row["cron"]),
    job: JSON.parse(String(row["job"])),
    nextAtMs: Number(row["next_at"]),
  }));
}

/** Adds a job for each schedule that is due; times that were missed are not made up for one by one. */
export function addDueJobs(table: JobTable, add: (job: NewJob) => Job): Job[] {
  const now = table.now();
  return listSchedules(table).filter(({ nextAtMs }) => nextAtMs <= now).map(
    ({ name, cron, job, nextAtMs }) => {
      table.database.run("UPDATE job_schedules SET next_at = :nextAt WHERE name = :name", {
        name,
        nextAt: nextTime(parseCron(cron), now),
      });
      const contentHash = createHash("sha256").update(`${name} ${nextAtMs}`).digest("hex");
      return add({ ...job, contentHash, again: true });
    },
  );
}
