/**
 * Filters that take an answer out of what a model wrote, as lm-evaluation-harness has them.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import {
  array,
  decode,
  integer,
  type JsonObject,
  object,
  optional,
  record,
  text,
} from "../../utils/json.ts";
import { compilePythonRegex } from "./python_regex.ts";

/** Takes an answer out of a text. */
export type ResponseFilter = (text: string) => string;

/** Several filters, one after the other, under a name. */
export interface FilterPipeline {
  /** What metrics call it: `strict-match`. */
  readonly name: string;
  /** Takes the answer out of what a model wrote. */
  readonly apply: ResponseFilter;
}

/** The pipeline of tasks that name none. */
export const NO_FILTER: FilterPipeline = { name: "none", apply: (response) => response };

type CreateFilter = (settings: JsonObject, source: string) => ResponseFilter;

const SAME: CreateFilter = () => (response) => response;

/** The filters; of one response, the first and the most frequent are itself. */
const FILTERS: Readonly<Record<string, CreateFilter>> = {
  regex: createRegex,
  take_first: SAME,
  take_first_k: SAME,
  majority_vote: SAME,
  remove_whitespace: () => (response) => response.trim(),
  lowercase: () => (response) => response.toLowerCase(),
  uppercase: () => (response) => response.toUpperCase(),
  map: createMap,
};

interface PipelineSettings {
  readonly name: string;
  readonly filter: readonly JsonObject[];
}

/**
 * Reads the `filter_list` of a task description.
 *
 * @throws {UserError} If it has a filter that is not known.
 */
export function parseFilterList(value: unknown, source: string): readonly FilterPipeline[] {
  if (value === undefined || value === null) return [NO_FILTER];
  const any = (json: unknown): JsonObject => json as JsonObject;
  const list: readonly PipelineSettings[] = decode(
    array(object<PipelineSettings>({ name: text(), filter: array(any) })),
    value,
    source,
  );
  return list.map(({ name, filter }) => {
    const steps = filter.map((settings) => createFilter(settings, source));
    return { name, apply: (response) => steps.reduce((left, step) => step(left), response) };
  });
}

function createFilter(settings: JsonObject, source: string): ResponseFilter {
  const { function: name, ...rest } = settings;
  const create = typeof name === "string" && Object.hasOwn(FILTERS, name)
    ? FILTERS[name]
    : undefined;
  if (create !== undefined) return create(rest, source);
  throw new UserError(
    `Cannot read "${source}": there is no filter ${JSON.stringify(name)}; there are ${
      Object.keys(FILTERS).join(", ")
    }`,
  );
}

function createRegex(settings: JsonObject, source: string): ResponseFilter {
  const { regex_pattern, group_select, fallback } = decode(
    object<{ regex_pattern: string; group_select: number; fallback: string }>({
      regex_pattern: optional(text(), "#### (\\-?[0-9\\.\\,]+)"),
      group_select: optional(integer(), 0),
      fallback: optional(text(), "[invalid]"),
    }),
    settings,
    source,
  );
  const regex = compilePythonRegex(regex_pattern, source);
  return (response) => {
    const found = [...response.matchAll(regex)].map(([whole, ...groups]) =>
      groups.length === 0
        ? whole
        : groups.length === 1
        ? groups[0] ?? ""
        : groups.find((group) => group !== undefined && group !== "")
    );
    if (found.length === 0) return fallback;
    const at = group_select < 0 ? found.length + group_select : group_select;
    if (at < 0 || at >= found.length) return fallback;
    return (found[at] ?? fallback).trim();
  };
}

function createMap(settings: JsonObject, source: string): ResponseFilter {
  const { mapping_dict, default_value } = decode(
    object<{ mapping_dict: Readonly<Record<string, string>>; default_value: string }>({
      mapping_dict: record(text()),
      default_value: optional(text(), ""),
    }),
    settings,
    source,
  );
  return (response) =>
    Object.hasOwn(mapping_dict, response) ? mapping_dict[response]! : default_value;
}
