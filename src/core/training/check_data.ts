/**
 * Data sets looked over before a run: one with rows that cannot be trained on is refused, unless they are to be left out.
 *
 * @module
 */

import type { FormatChoice } from "../../datasets/formats.ts";
import { placeName } from "../../datasets/row.ts";
import type { DataFile } from "../../datasets/sources/data_file.ts";
import { describeSources } from "../../datasets/sources/describe_sources.ts";
import { hashFile } from "../../datasets/sources/hash_file.ts";
import { FINDING_CODES, FINDING_KINDS, type FindingCode } from "../../datasets/validation/codes.ts";
import { isBroken } from "../../datasets/validation/finding.ts";
import { validateDataset } from "../../datasets/validation/validate_dataset.ts";
import {
  evaluationHash,
  readVerdict,
  type Verdict,
  verdictsOf,
  writeVerdict,
} from "../../datasets/validation/verdict.ts";
import type { OpenProgress } from "../../datasets/token_store/file_tokens.ts";
import { UserError } from "../../utils/errors.ts";

/** Where verdicts on data sets are kept. */
export interface VerdictStore {
  /** The folder; it need not be there. */
  readonly folder: string;
  /** Whether new ones are kept. @default {true} */
  readonly write?: boolean;
}

/** How far looking over a file has come. */
export type CheckProgress = Omit<OpenProgress, "rows">;

/** Options of {@linkcode checkData}. */
export interface CheckDataOptions {
  /** What is evaluated on; rows of it must not be trained on. @default {null} */
  readonly evaluation?: string | null;
  /** The form of the rows. @default {found out} */
  readonly format?: FormatChoice | undefined;
  /** Whether rows that cannot be used are left out; else they are an error. @default {false} */
  readonly skipInvalidRows?: boolean;
  /** Where verdicts are kept. @default {none are} */
  readonly verdicts?: VerdictStore | undefined;
  /** Told how far it has come. @default {nobody} */
  readonly onProgress?: (progress: CheckProgress) => void;
  /** The time. */
  readonly now: Date;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks over the files of a data set and of what is evaluated on, except those on which there is a verdict already, and
 * returns what is wrong with them although they can be trained on.
 *
 * @throws {UserError} If a file cannot be read, or has rows that cannot be trained on and may not be left out.
 */
export async function checkData(source: string, options: CheckDataOptions): Promise<string[]> {
  const { evaluation = null, format, signal, skipInvalidRows = false } = options;
  const open = async (sources: string | null) =>
    sources === null ? [] : await describeSources(sources, { format, signal });
  const files = await open(source);
  const evaluationFiles = await open(evaluation);
  const warnings: string[] = [];
  const check = async (file: DataFile, against: readonly DataFile[]) => {
    const { verdict, warning } = await verdictOn(file, { options, against });
    if (verdict.brokenRows > 0 && !skipInvalidRows) throw refusal(file.path, verdict);
    warnings.push(...warningsOf(verdict).map((each) => `"${file.path}": ${each}`));
    if (warning !== undefined) warnings.push(warning);
  };
  for (const file of evaluationFiles) await check(file, []);
  for (const file of files) await check(file, evaluationFiles);
  return warnings;
}

async function verdictOn(
  file: DataFile,
  { options, against }: {
    readonly options: CheckDataOptions;
    readonly against: readonly DataFile[];
  },
): Promise<{ readonly verdict: Verdict; readonly warning?: string }> {
  const { verdicts, format = null, now, signal } = options;
  const hashOf = async ({ path }: DataFile) => await hashFile(path, { signal });
  const evaluation = evaluationHash(await Promise.all(against.map(hashOf)));
  if (verdicts !== undefined) {
    const wanted = { level: "standard", format, evaluation } as const;
    const known = await readVerdict(verdicts.folder, await hashOf(file), wanted);
    if (known !== undefined) return { verdict: known };
  }
  const report = await validateDataset([file], {
    ...{ level: "standard", evaluation: against, signal },
    onBytes: progressOf([...against, file], options),
  });
  const [verdict] = verdictsOf(report, { format, evaluation, now });
  if (verdict === undefined || verdict.rows === 0) {
    const [first] = report.errors.filter(({ source = file.path }) => source === file.path);
    throw new UserError(`Cannot use "${file.path}": ${first?.message}; ${first?.fix}`);
  }
  try {
    if (verdicts !== undefined && verdicts.write !== false) {
      await writeVerdict(verdicts.folder, verdict);
    }
  } catch (error) {
    // it saves time only, so that a home that cannot be written is no reason to fail
    if (!(error instanceof UserError)) throw error;
    return { verdict, warning: `the verdict on "${file.path}" is not kept: ${error.message}` };
  }
  return { verdict };
}

/** Counts the bytes of files that are read one after the other. */
function progressOf(
  files: readonly DataFile[],
  { onProgress }: CheckDataOptions,
): ((count: number) => void) | undefined {
  if (onProgress === undefined) return undefined;
  const { path } = files.at(-1)!;
  const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
  let bytes = 0;
  return (count) => onProgress({ path, bytes: bytes += count, totalBytes });
}

function refusal(path: string, { brokenRows, findings }: Verdict): UserError {
  const first = findings.find(isBroken);
  if (first === undefined) {
    return new UserError(
      `Cannot use "${path}": ${brokenRows} of its rows cannot be trained on; look at them with "data validate"`,
    );
  }
  const { line, row, message, fix } = first;
  const place = placeName({ path, line, ...row === undefined ? {} : { row } });
  const others = brokenRows === 1
    ? "or add --skip-invalid-rows"
    : `${brokenRows} rows cannot be used, "data validate" lists them, --skip-invalid-rows leaves them out`;
  return new UserError(`Cannot use ${place} of "${path}": ${message}; ${fix} (${others})`);
}

/** What a person should know of a data set that is trained on. */
function warningsOf({ counts, rows, brokenRows }: Verdict): string[] {
  const listed = (codes: readonly FindingCode[]) =>
    codes.map((code) => `${counts[code]} ${code}`).join(", ");
  const found = FINDING_CODES.filter((code) => counts[code] !== undefined);
  const broken = found.filter((code) => FINDING_KINDS[code].unusable);
  const wrong = found.filter((code) =>
    !FINDING_KINDS[code].unusable && FINDING_KINDS[code].severity === "error"
  );
  const warnings: string[] = [];
  if (brokenRows > 0) {
    warnings.push(`${brokenRows} of ${rows} rows are left out: ${listed(broken)}`);
  }
  if (wrong.length > 0) {
    warnings.push(`${listed(wrong)}; look at them with "data validate"`);
  }
  return warnings;
}
