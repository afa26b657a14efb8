/**
 * Runs jobs with transformers.js in Node.
 *
 * usage: node generate.mjs <folder with @huggingface/transformers> <folder of models> <jobs as JSON>
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { runJobs } from "./run_jobs.mjs";

const [packages, models, jobs] = process.argv.slice(2);
const transformers = createRequire(join(packages, "package.json"))("@huggingface/transformers");
transformers.env.allowRemoteModels = false;
transformers.env.useFSCache = false;
transformers.env.localModelPath = models;
const results = await runJobs(transformers, JSON.parse(jobs), {});
process.stdout.write(`${JSON.stringify(results)}\n`);
