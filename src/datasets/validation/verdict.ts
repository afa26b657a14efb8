/**
 * What validation found, kept by the content of the file, so that the same bytes are not looked over twice.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import {
  array,
  decode,
  type Decoder,
  integer,
  nullable,
  object,
  oneOf,
  optional,
  readJsonFile,
  record,
  text,
} from "../../utils/json.ts";
import { FINDING_CODES, FINDING_KINDS, type FindingCode, type FindingKind } from "./codes.ts";
import type { Finding } from "./finding.ts";
import { includesLevel, VALIDATION_LEVELS, type ValidationLevel } from "./levels.ts";
import type { ValidationReport } from "./validate_dataset.ts";

/** Rises whenever validation finds something else in the same file; older verdicts then count no more. */
export const VALIDATOR_VERSION = 1;

/** The most findings that a verdict keeps; it counts all. */
const KEPT_FINDINGS = 200;

/** What validation found in one file, as far as it follows from its bytes alone. */
export interface Verdict {
  /** {@linkcode VALIDATOR_VERSION} of the validator. */
  readonly validatorVersion: number;
  /** Hash of the file's bytes. */
  readonly sha256: string;
  /** Where the file was; it may have moved. */
  readonly path: string;
  /** How closely it was looked at. */
  readonly level: ValidationLevel;
  /** The format that rows were read as, where it was asked for. */
  readonly format: string | null;
  /** Hash of the evaluation set that rows were compared with; null if with none. */
  readonly evaluation: string | null;
  /** All rows. */
  readonly rows: number;
  /** Those that cannot be trained on. */
  readonly brokenRows: number;
  /** How many findings there are of each kind. */
  readonly counts: Readonly<Partial<Record<FindingCode, number>>>;
  /** The first errors, then the first warnings. */
  readonly findings: readonly Finding[];
  /** When, in ISO 8601. */
  readonly validatedAt: string;
}

const finding = object<Finding>({
  line: integer({ min: 0 }),
  row: optional(integer({ min: 1 }), undefined) as Decoder<number>,
  code: oneOf(FINDING_CODES),
  message: text(),
  fix: text(),
  source: optional(text(), undefined) as Decoder<string>,
});

const verdict = object<Verdict>({
  validatorVersion: integer({ min: 1 }),
  sha256: text(),
  path: text(),
  level: oneOf(VALIDATION_LEVELS),
  format: nullable(text()),
  evaluation: nullable(text()),
  rows: integer({ min: 0 }),
  brokenRows: integer({ min: 0 }),
  counts: record(integer({ min: 0 })),
  findings: array(finding),
  validatedAt: text(),
});

/** Options of {@linkcode verdictsOf}. */
export interface VerdictsOfOptions {
  /** The format that was asked for. @default {null} */
  readonly format?: string | null;
  /** Hash of the evaluation set, where what it was compared with counts too. @default {null} */
  readonly evaluation?: string | null;
  /** The time. */
  readonly now: Date;
}

/**
 * Returns the verdicts that a report amounts to, one for each file that could be read to its end. Of several files only
 * what was found in each by itself counts.
 */
export function verdictsOf(
  { files, level: looked }: ValidationReport,
  { format = null, evaluation = null, now }: VerdictsOfOptions,
): Verdict[] {
  const level = files.length > 1 ? "quick" : looked;
  const counts = (dependsOn: FindingKind["dependsOn"]) =>
    dependsOn === "nothing" || dependsOn === "evaluation set" && evaluation !== null;
  const counted = ({ code }: Pick<Finding, "code">) =>
    counts(FINDING_KINDS[code].dependsOn) && includesLevel(level, FINDING_KINDS[code].level);
  return files.flatMap(({ path, sha256, rows, brokenRows, counts: all, errors, warnings }) => {
    if (sha256 === undefined) return [];
    const kept = FINDING_CODES.filter((code) => counted({ code }) && all[code] !== undefined);
    return [{
      ...{
        validatorVersion: VALIDATOR_VERSION,
        sha256,
        path,
        level,
        format,
        evaluation,
        rows,
        brokenRows,
      },
      counts: Object.fromEntries(kept.map((code) => [code, all[code]!])),
      findings: [...errors, ...warnings].filter(counted).slice(0, KEPT_FINDINGS)
        .map(({ source: _, ...finding }) => finding),
      validatedAt: now.toISOString(),
    }];
  });
}

/** Options of {@linkcode readVerdict}. */
export interface ReadVerdictOptions {
  /** How closely the file must have been looked at. @default {"quick"} */
  readonly level?: ValidationLevel;
  /** The format that rows are read as, where it is asked for. @default {null} */
  readonly format?: string | null;
  /** Hash of the evaluation set that it must have been compared with. @default {null} */
  readonly evaluation?: string | null;
}

/**
 * Returns the verdict on a file with these bytes from `folder`, or `undefined` if there is none that holds: of this
 * version, of this format, and at least of this level.
 */
export async function readVerdict(
  folder: string,
  sha256: string,
  { level = "quick", format = null, evaluation = null }: ReadVerdictOptions = {},
): Promise<Verdict | undefined> {
  const path = verdictPath(folder, { sha256, evaluation });
  let found: Verdict;
  try {
    found = decode(verdict, await readJsonFile(path), path);
  } catch (error) {
    if (error instanceof UserError) return undefined; // not there, or of another version
    throw error;
  }
  const holds = found.validatorVersion === VALIDATOR_VERSION && found.sha256 === sha256 &&
    found.format === format && found.evaluation === evaluation && includesLevel(found.level, level);
  return holds ? found : undefined;
}

/**
 * Keeps a verdict in `folder`, unless one that looked closer is there.
 *
 * @throws {UserError} If it cannot be written.
 */
export async function writeVerdict(folder: string, verdict: Verdict): Promise<void> {
  const { sha256, level, format, evaluation } = verdict;
  const known = await readVerdict(folder, sha256, { level, format, evaluation });
  if (known !== undefined && known.level !== level) return;
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError("create", folder, error);
  }
  const json = JSON.stringify(verdict, null, 2);
  await writeFileAtomic(verdictPath(folder, verdict), `${json}\n`);
}

function verdictPath(
  folder: string,
  { sha256, evaluation }: Pick<Verdict, "sha256" | "evaluation">,
): string {
  return join(folder, `${sha256}${evaluation === null ? "" : `-${evaluation.slice(0, 16)}`}.json`);
}

/** Returns one hash for the files of an evaluation set; null where there are none. */
export function evaluationHash(files: readonly string[]): string | null {
  if (files.length < 2) return files[0] ?? null;
  return createHash("sha256").update(files.join()).digest("hex");
}
