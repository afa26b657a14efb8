/**
 * What a chat template puts around messages, found by rendering conversations with it: the pieces from which the
 * template of another language can be written.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import type { ChatMessage, Tokenizer } from "../tokenizer/tokenizer.ts";

/** What stands before and behind the content of a message. */
export interface Around {
  /** Before it. */
  readonly before: string;
  /** Behind it. */
  readonly behind: string;
}

/** Where the system message stands. */
export type SystemPlace =
  /** It has a turn of its own. */
  | { readonly kind: "turn"; readonly around: Around }
  /** It begins the first turn of the user, with a separator behind it. */
  | { readonly kind: "user"; readonly separator: string }
  /** The template refuses it. */
  | { readonly kind: "none" };

/** A chat format: everything that a template does with plain messages. */
export interface ChatFormat {
  /** Stands at the beginning, before any message. */
  readonly start: string;
  /** Stands in place of a system message where there is none. */
  readonly withoutSystem: string;
  /** Where the system message stands. */
  readonly system: SystemPlace;
  /** A message of the user. */
  readonly user: Around;
  /** An answer. */
  readonly assistant: Around;
  /** What the model goes on from. */
  readonly generationPrompt: string;
}

/** Words that no template has. */
const SYSTEM = "qzsystemqz";
const USER = "qzfirstqz";
const ANSWER = "qzanswerqz";
const SECOND = "qzsecondqz";

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const system = (content: string): ChatMessage => ({ role: "system", content });

/**
 * Finds the format of the tokenizer's chat template; `undefined` if the template does more than put something
 * around messages.
 *
 * @param bos The token that the runtime puts before every text by itself, which the format then leaves out.
 */
export function findChatFormat(
  tokenizer: Tokenizer,
  bos: string | undefined,
): ChatFormat | undefined {
  const render = (messages: readonly ChatMessage[], addGenerationPrompt = false): string => {
    const { text } = tokenizer.renderChat(messages, { addGenerationPrompt });
    return bos !== undefined && text.startsWith(bos) ? text.slice(bos.length) : text;
  };
  try {
    const format = readFormat(render);
    return format !== undefined && isRight(format, render) ? format : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined; // the template refuses even plain conversations
    throw error;
  }
}

type Render = (messages: readonly ChatMessage[], addGenerationPrompt?: boolean) => string;

function readFormat(render: Render): ChatFormat | undefined {
  const talk = [user(USER), assistant(ANSWER), user(SECOND)];
  const userBehind = behind(render(talk), SECOND);
  const assistantBehind = behind(render(talk.slice(0, 2)), ANSWER);
  const whole = render(talk, true);
  const userBefore = without(between(whole, ANSWER, SECOND), assistantBehind);
  const assistantBefore = without(between(whole, USER, ANSWER), userBehind);
  const generationPrompt = without(behind(whole, SECOND), userBehind);
  const beginning = before(whole, USER);
  if (
    userBefore === undefined || assistantBefore === undefined || generationPrompt === undefined ||
    !beginning.endsWith(userBefore)
  ) return undefined;
  const first = beginning.slice(0, beginning.length - userBefore.length);
  const place = readSystem(render, { userBefore, first });
  return place && {
    ...place,
    user: { before: userBefore, behind: userBehind },
    assistant: { before: assistantBefore, behind: assistantBehind },
    generationPrompt,
  };
}

function readSystem(
  render: Render,
  { userBefore, first }: { readonly userBefore: string; readonly first: string },
): Pick<ChatFormat, "start" | "withoutSystem" | "system"> | undefined {
  let rendered: string;
  try {
    rendered = render([system(SYSTEM), user(USER)]);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { start: first, withoutSystem: "", system: { kind: "none" } };
  }
  if (!rendered.includes(SYSTEM)) {
    return { start: first, withoutSystem: "", system: { kind: "none" } };
  }
  const head = before(rendered, SYSTEM);
  const middle = between(rendered, SYSTEM, USER);
  if (middle.endsWith(userBefore)) {
    const around = { before: head, behind: middle.slice(0, middle.length - userBefore.length) };
    return { start: "", withoutSystem: first, system: { kind: "turn", around } };
  }
  if (head !== first + userBefore) return undefined;
  return { start: first, withoutSystem: "", system: { kind: "user", separator: middle } };
}

/** Whether the format writes a longer conversation as the template does. */
function isRight(format: ChatFormat, render: Render): boolean {
  const talk = [user("One?"), assistant("Two."), user("Three?"), assistant("Four."), user("Five?")];
  const conversations = [[user("One?")], talk];
  if (format.system.kind !== "none") conversations.push([system("Be brief."), ...talk]);
  return conversations.every((messages) => writeChat(format, messages) === render(messages, true));
}

/** Writes a conversation, up to where the model goes on. */
export function writeChat(format: ChatFormat, messages: readonly ChatMessage[]): string {
  const { start, withoutSystem, system, generationPrompt } = format;
  const [leading] = messages;
  const instruction = leading?.role === "system" ? leading.content : undefined;
  let text = start;
  let pending = "";
  if (instruction === undefined) text += withoutSystem;
  else if (system.kind === "turn") {
    text += system.around.before + instruction + system.around.behind;
  } else if (system.kind === "user") pending = instruction + system.separator;
  for (const { role, content } of messages) {
    if (role === "system") continue;
    const around = role === "user" ? format.user : format.assistant;
    text += around.before + (role === "user" ? pending : "") + content + around.behind;
    if (role === "user") pending = "";
  }
  return text + generationPrompt;
}

/** Returns the system message that the format writes where there is none; `undefined` if it writes none. */
export function defaultSystem({ system, withoutSystem }: ChatFormat): string | undefined {
  if (system.kind !== "turn" || withoutSystem === "") return undefined;
  const { before, behind } = system.around;
  const isTurn = withoutSystem.startsWith(before) && withoutSystem.endsWith(behind) &&
    withoutSystem.length > before.length + behind.length;
  return isTurn
    ? withoutSystem.slice(before.length, withoutSystem.length - behind.length)
    : undefined;
}

function before(text: string, mark: string): string {
  return text.slice(0, text.indexOf(mark));
}

function behind(text: string, mark: string): string {
  return text.slice(text.lastIndexOf(mark) + mark.length);
}

function between(text: string, left: string, right: string): string {
  return text.slice(text.indexOf(left) + left.length, text.indexOf(right));
}

/** Returns what follows `start` in `text`; `undefined` if it does not begin so. */
function without(text: string, start: string): string | undefined {
  return text.startsWith(start) ? text.slice(start.length) : undefined;
}
