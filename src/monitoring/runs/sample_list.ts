/**
 * What the model of a run wrote, of steps that count: those that a resumed run makes again are dropped.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";

/** A text that the model of a run wrote. */
export interface RunSample {
  /** When, in ISO 8601. */
  readonly time: string;
  /** Steps done. */
  readonly step: number;
  /** What was given. */
  readonly prompt: string;
  /** What it wrote. */
  readonly text: string;
}

/** Collects the samples among events. */
export class SampleList {
  #all: RunSample[] = [];

  /** All samples, in order. */
  get all(): readonly RunSample[] {
    return this.#all;
  }

  /** Takes notice of the next event of the run. */
  add({ event, time, step, prompt, text }: JsonObject): void {
    if (event === "started") this.#all = [];
    if (event === "resumed") this.#all = this.#all.filter((sample) => sample.step <= Number(step));
    if (event !== "sample" || typeof step !== "number") return;
    this.#all.push({ time: String(time), step, prompt: String(prompt), text: String(text) });
  }
}
