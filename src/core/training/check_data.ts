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
import { type Finding, isBroken } from "../../datasets/validation/finding.ts";
import { validateDataset } from "../../datasets/validation/validate_dataset.ts";
import {
  readVerdict,
  type Verdict,
  verdictsOf,
  writeVerdict,
} from "../../datasets/validation/verdict.ts";
import { UserError } from "../../utils/errors.ts";

/** Options of {@linkcode checkData}. */
export interface CheckDataOptions {
  /** The form of the rows. @default {found out} */
  readonly format?: FormatChoice | undefined;
  /** Whether rows that cannot be used are left out; else they are an error. */
  readonly skipInvalidRows: boolean;
  /** The folder in which verdicts are kept. @default {none are} */
  readonly verdicts?: string | undefined;
  /** Told what is wrong with a data set that can be trained on. */
  readonly onWarning: (warning: string) => void;
  /** The time. */
  readonly now: Date;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks over the files of a data set, unless a verdict says what is in them.
 *
 * @throws {UserError} If a file cannot be read, or has rows that cannot be trained on and may not be left out.
 */
export async function checkData(source: string, options: CheckDataOptions): Promise<void> {
  const { format, skipInvalidRows, onWarning, signal } = options;
  for (const file of await describeSources(source, { format, signal })) {
    const verdict = await verdictOn(file, options);
    if (verdict.brokenRows > 0 && !skipInvalidRows) throw refusal(file.path, verdict);
    for (const warning of warningsOf(verdict)) onWarning(`"${file.path}": ${warning}`);
  }
}

async function verdictOn(file: DataFile, options: CheckDataOptions): Promise<Verdict> {
  const { verdicts, format = null, now, signal, onWarning } = options;
  if (verdicts !== undefined) {
    const sha256 = await hashFile(file.path, { signal });
    const known = await readVerdict(verdicts, sha256, { level: "standard", format });
    if (known !== undefined) return known;
  }
  const report = await validateDataset([file], { level: "standard", signal });
  const [verdict] = verdictsOf(report, { format, now });
  const [first] = report.errors;
  if (verdict === undefined || report.rows === 0) {
    throw new UserError(`Cannot use "${file.path}": ${first?.message}`);
  }
  try {
    if (verdicts !== undefined) await writeVerdict(verdicts, verdict);
  } catch (error) {
    // it saves time only, so that a home that cannot be written is no reason to fail
    if (!(error instanceof UserError)) throw error;
    onWarning(`the verdict on "${file.path}" is not kept: ${error.message}`);
  }
  return verdict;
}

function refusal(path: string, { brokenRows, findings }: Verdict): UserError {
  const first = findings.find(isBroken);
  const what = first === undefined
    ? "it has rows that cannot be trained on"
    : `${first.message}; ${first.fix}`;
  const where = first === undefined ? "" : `${placeOf(first)} of `;
  const more = brokenRows === 1
    ? ""
    : ` (it is the first of ${brokenRows} such rows; "data validate" lists them)`;
  return new UserError(
    `Cannot use ${where}"${path}": ${what}${more}, or add --skip-invalid-rows to leave ${
      brokenRows === 1 ? "it" : "them"
    } out`,
  );
}

function placeOf({ line, row }: Finding): string {
  return placeName({ path: "", line, ...row === undefined ? {} : { row } });
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
  if (wrong.length > 0) warnings.push(`"data validate" finds errors: ${listed(wrong)}`);
  return warnings;
}
