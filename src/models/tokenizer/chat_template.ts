/**
 * Chat templates: Jinja programs that write a conversation as one text.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import { type JinjaTemplate, parseJinja } from "./jinja_interpreter.ts";
import { formatTime } from "./strftime.ts";
import type { Span } from "./token_alignment.ts";
import { unusedMark } from "./unused_mark.ts";
import { ChatTemplateError } from "./tokenizer.ts";

/** What was written inside of a `generation` block. */
export interface GeneratedSpan extends Span {
  /** Index of the message that was written, `undefined` where the template does not tell. */
  readonly message: number | undefined;
}

/** What a template wrote. */
export interface RenderedTemplate {
  /** The text. */
  readonly text: string;
  /** What was written inside of `generation` blocks. */
  readonly generated: readonly GeneratedSpan[];
}

/** A parsed chat template. */
export interface ChatTemplate {
  /** Whether it has `generation` blocks. */
  readonly marksGeneration: boolean;
  /**
   * Runs it.
   *
   * @throws {ChatTemplateError} If it refuses `variables`.
   */
  render(variables: Readonly<Record<string, unknown>>): RenderedTemplate;
}

/** Options of {@linkcode parseChatTemplate}. */
export interface ChatTemplateOptions {
  /** Reads the time for `strftime_now`. */
  readonly now?: () => Date;
}

/** Parses the source of a chat template. */
export function parseChatTemplate(
  source: string,
  options: ChatTemplateOptions = {},
): ChatTemplate {
  const { now = () => new Date() } = options;
  const template = parseSource(source);
  const globals = createGlobals(now);
  const marksGeneration = /\{%[-+]?\s*generation\s*[-+]?%\}/.test(source);

  return {
    marksGeneration,
    render(variables) {
      const marker = marksGeneration ? unusedMark(variables) : "";
      const marks = {
        open: (message: number | undefined) => `${marker}(${message ?? ""};`,
        close: `${marker})`,
      };
      let text: string;
      try {
        text = template.render(variables, { globals, marks });
      } catch (error) {
        throw new ChatTemplateError(`Cannot render chat: ${messageOf(error)}`, { cause: error });
      }
      return marksGeneration ? removeMarks(text, marker) : { text, generated: [] };
    },
  };
}

function parseSource(source: string): JinjaTemplate {
  try {
    return parseJinja(source);
  } catch (error) {
    throw new ChatTemplateError(`Cannot read chat template: ${messageOf(error)}`, { cause: error });
  }
}

/** Names that `transformers` defines for every template. */
function createGlobals(now: () => Date): Readonly<Record<string, unknown>> {
  return {
    ...{ true: true, false: false, none: null, True: true, False: false, None: null },
    range,
    strftime_now: (format: string) => formatTime(now(), format),
    raise_exception: (message: string) => {
      throw new Error(message);
    },
  };
}

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const numbers: number[] = [];
  for (let n = from; step > 0 ? n < to : n > to; n += step) numbers.push(n);
  return numbers;
}

function removeMarks(marked: string, marker: string): RenderedTemplate {
  const generated: GeneratedSpan[] = [];
  let text = "";
  let start = 0;
  let message: number | undefined;
  marked.split(marker).forEach((part, i) => {
    if (i === 0) {
      text = part;
      return;
    }
    const opened = /^\((\d*);/.exec(part);
    if (opened === null) {
      generated.push({ start, end: text.length, message });
      text += part.slice(1);
    } else {
      start = text.length;
      message = opened[1] === "" ? undefined : Number(opened[1]);
      text += part.slice(opened[0].length);
    }
  });
  return { text, generated };
}
