/**
 * Shows a run in TensorBoard, by event files in the run's folder or in one of its own.
 *
 * @module
 */

import { join } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import type { LoggedMetrics } from "../runs/run_files.ts";
import { parametersOf, scalarsOf, timeOf } from "./scalars.ts";
import type { TensorboardSettings } from "./settings.ts";
import {
  endEvent,
  hparamsEvent,
  readEvent,
  restartEvent,
  scalarsEvent,
  textEvent,
  versionEvent,
} from "./tensorboard_events.ts";
import { decodeRecords, encodeRecord } from "./tfrecord.ts";
import type { TrackedRun, TrackedSample, Tracker, TrackerPosition } from "./tracker.ts";

const PREFIX = "events.out.tfevents.";
const SAMPLES = "samples/";

/** Creates the tracker. */
export function createTensorboardTracker(
  { folder: parent }: TensorboardSettings,
  run: TrackedRun,
): Tracker {
  const folder = parent === null ? run.folder : join(parent, run.info.id);
  const now = Date.now();
  let path: string | undefined;
  let lastStep = run.startStep;

  // at once, as the run's files are read
  const append = (events: readonly Uint8Array[]): Promise<void> => {
    try {
      using file = Deno.openSync(path!, { append: true, create: true });
      for (const event of events) {
        let record = encodeRecord(event);
        while (record.length > 0) record = record.subarray(file.writeSync(record));
      }
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(fileError("write", path!, error));
    }
  };

  return {
    async open() {
      if (path !== undefined) return await positionIn(folder);
      await cutAfter(run.startStep, folder);
      const position = await positionIn(folder);
      // TensorBoard reads files in the order of their names
      path = join(folder, `${PREFIX}${(now / 1000).toFixed(3)}.llm-training`);
      try {
        await Deno.mkdir(folder, { recursive: true });
      } catch (error) {
        throw fileError("create", folder, error);
      }
      const moment = { timeMs: now, step: run.startStep };
      const fresh = position.step === 0 && position.samples === 0;
      await append([
        versionEvent({ timeMs: now, step: 0 }),
        restartEvent({ timeMs: now, step: fresh ? 0 : position.step + 1 }),
        ...fresh
          ? [
            hparamsEvent({ ...moment, step: 0 }, {
              group: run.info.id,
              parameters: parametersOf(run),
            }),
            textEvent({ ...moment, step: 0 }, { tag: "config", text: asMarkdown(run) }),
          ]
          : [],
      ]);
      return position;
    },
    log(metrics) {
      lastStep = metrics.at(-1)!.step;
      return append(metrics.map(stepEvent));
    },
    sample(samples, { all }) {
      return append(samples.map((sample) => sampleEvent(sample, all)));
    },
    finish(outcome) {
      return append([endEvent({ timeMs: Date.now(), step: lastStep }, outcome)]);
    },
  };
}

function stepEvent(metrics: LoggedMetrics): Uint8Array {
  const moment = { timeMs: timeOf(metrics, Date.now()), step: metrics.step };
  return scalarsEvent(moment, scalarsOf(metrics));
}

function sampleEvent(sample: TrackedSample, all: readonly TrackedSample[]): Uint8Array {
  const { step, prompt, text } = sample;
  const index = all.filter((each) => each.step === step).indexOf(sample) + 1;
  return textEvent(
    { timeMs: timeOf(sample, Date.now()), step },
    { tag: `${SAMPLES}${index}`, text: `**${prompt}**\n\n${text}` },
  );
}

function asMarkdown({ config, info }: TrackedRun): string {
  return `\`\`\`json\n${JSON.stringify({ config, run: info }, null, 2)}\n\`\`\``;
}

/** Returns what event files hold. */
async function positionIn(folder: string): Promise<TrackerPosition> {
  let step = 0;
  let samples = 0;
  for (const path of await eventFiles(folder)) {
    for (const record of decodeRecords(await Deno.readFile(path))) {
      const { step: at, tags } = readEvent(record);
      if (tags.includes("loss")) step = Math.max(step, at);
      if (tags.some((tag) => tag.startsWith(SAMPLES))) samples++;
    }
  }
  return { step, samples };
}

/**
 * Takes events of steps that are made again out of the files of before. Readers that have them already are told by an
 * event; not all readers heed it for all that is shown.
 */
async function cutAfter(step: number, folder: string): Promise<void> {
  for (const path of await eventFiles(folder)) {
    const bytes = await Deno.readFile(path);
    const kept = [...decodeRecords(bytes)].filter((record) => readEvent(record).step <= step);
    const records = kept.map(encodeRecord);
    const length = records.reduce((sum, record) => sum + record.length, 0);
    if (length === bytes.length) continue;
    await writeFileAtomic(path, async (sink) => {
      for (const record of records) await sink.write(record);
    });
  }
}

async function eventFiles(folder: string): Promise<string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    return names.filter((name) => name.startsWith(PREFIX) && !name.endsWith(".part")).sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError("list", folder, error);
  }
}
