/**
 * What a run was made with, for whoever wants to know or to do it again.
 *
 * @module
 */

import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import config from "../../../deno.json" with { type: "json" };
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import {
  array,
  decode,
  type FieldDecoders,
  integer,
  object,
  oneOf,
  readJsonFile,
  record,
  text,
} from "../../utils/json.ts";
import { RUN_INFO_FILE } from "./run_files.ts";

/** What data is used for. */
export const DATA_ROLES = ["train", "eval"] as const;

/** What data is used for. */
export type DataRole = (typeof DATA_ROLES)[number];

/** A file of data. */
export interface RunDataFile {
  /** Where it is. */
  readonly path: string;
  /** SHA-256 of it, in hexadecimal digits. */
  readonly sha256: string;
}

/** Data of a run. */
export interface RunData {
  /** What it is used for. */
  readonly role: DataRole;
  /** What it was read from, as it was named. */
  readonly path: string;
  /** SHA-256 of what it was read from, in hexadecimal digits. */
  readonly sha256: string;
  /** The files that it was read from. */
  readonly files: readonly RunDataFile[];
  /** Rows of the files. */
  readonly rows: number;
  /** Sequences that are used of them. */
  readonly examples: number;
  /** Tokens of these. */
  readonly tokens: number;
  /** Those whose prediction counts. */
  readonly trainedTokens: number;
}

/** What a run was made with. */
export interface RunInfo {
  /** Name of the run: that of its folder. */
  readonly id: string;
  /** Tells the run from every other, wherever its folder goes. */
  readonly uid: string;
  /** When it was started first, in ISO 8601. */
  readonly created: string;
  /** Versions of the program and of what it stands on. */
  readonly versions: Readonly<Record<string, string>>;
  /** The machine. */
  readonly host: {
    /** Operating system. */
    readonly os: string;
    /** Architecture of the processor. */
    readonly arch: string;
    /** Processors. */
    readonly cpus: number;
    /** Memory. */
    readonly memoryBytes: number;
  };
  /** Where it runs. */
  readonly device: string;
  /** Why it runs there. */
  readonly deviceReason: string;
  /** The model. */
  readonly model: {
    /** Preset or folder. */
    readonly name: string;
    /** Architecture. */
    readonly type: string;
    /** Parameters of the model. */
    readonly parameters: number;
    /** Parameters that are trained. */
    readonly trainedParameters: number;
  };
  /** Everything it reads. */
  readonly data: readonly RunData[];
  /** Optimizer steps. */
  readonly totalSteps: number;
}

const count = integer({ min: 0 });

const fields: FieldDecoders<RunInfo> = {
  id: text(),
  uid: text(),
  created: text(),
  versions: record(text()),
  host: object({ os: text(), arch: text(), cpus: count, memoryBytes: count }),
  device: text(),
  deviceReason: text(),
  model: object({ name: text(), type: text(), parameters: count, trainedParameters: count }),
  data: array(object<RunData>({
    role: oneOf(DATA_ROLES),
    path: text(),
    sha256: text(),
    files: array(object<RunDataFile>({ path: text(), sha256: text() })),
    rows: count,
    examples: count,
    tokens: count,
    trainedTokens: count,
  })),
  totalSteps: count,
};

/** Returns the versions of the program and of what it stands on. */
export function programVersions(): RunInfo["versions"] {
  const { imports } = config;
  const ofPackage = (specifier: string) => specifier.slice(specifier.lastIndexOf("@") + 1);
  return {
    "llm-training": config.version,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    typescript: Deno.version.typescript,
    "onnxruntime-web": ofPackage(imports["onnxruntime-web"]),
    "onnxruntime-node": ofPackage(imports["onnxruntime-node"]),
  };
}

/** Describes the machine. */
export function hostInfo(): RunInfo["host"] {
  return {
    os: Deno.build.os,
    arch: Deno.build.arch,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

/** Saves what a run in `folder` is made with. */
export async function saveRunInfo(folder: string, info: RunInfo): Promise<void> {
  await writeFileAtomic(join(folder, RUN_INFO_FILE), `${JSON.stringify(info, null, 2)}\n`);
}

/**
 * Reads what the run in `folder` was made with; `undefined` where that was not saved.
 *
 * @throws {UserError} If it cannot be read.
 */
export async function readRunInfo(folder: string): Promise<RunInfo | undefined> {
  const path = join(folder, RUN_INFO_FILE);
  try {
    await Deno.stat(path);
  } catch {
    return undefined;
  }
  return decode(object(fields), await readJsonFile(path), path);
}
