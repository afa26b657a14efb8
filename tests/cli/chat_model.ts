/**
 * A trained model that can chat, if badly.
 *
 * @module
 */

import { copyFolder } from "../copy_folder.ts";

const TEMPLATE =
  "{% for message in messages %}{{ message.content }} {% endfor %}{% if add_generation_prompt %}She {% endif %}";

/** Copies a model folder to `path` and gives it a chat template. */
export async function makeChatModel(source: string, path: string): Promise<string> {
  await copyFolder(source, path);
  await Deno.writeTextFile(`${path}/chat_template.jinja`, TEMPLATE);
  return path;
}
