import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { hashModel } from "../../src/inference/model_hash.ts";
import { UserError } from "../../src/utils/errors.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

Deno.test("hashModel() is the hash of the files that decide about answers, wherever they lie", async () => {
  await using folder = await temporaryFolder();
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder.path}/${name}`, text);
  await write("model.safetensors", "weights");
  await write("config.json", "{}");
  const hash = await hashModel({ folder: folder.path });
  const expected = sha256(
    `model\0config.json\0${sha256("{}")}\nmodel\0model.safetensors\0${sha256("weights")}\n`,
  );
  assert.equal(hash, expected);
  for (
    const name of ["optimizer.safetensors", "trainer_state.json", "manifest.json", "README.md"]
  ) {
    await write(name, "more");
  }
  assert.equal(await hashModel({ folder: folder.path }), expected);
  await write("model.safetensors", "other weights");
  assert.notEqual(await hashModel({ folder: folder.path }), expected);
  const adapters = [{ name: "polite", folder: folder.path }];
  assert.notEqual(
    await hashModel({ folder: folder.path, adapters }),
    await hashModel({ folder: folder.path }),
  );
  await assert.rejects(hashModel({ folder: `${folder.path}/missing` }), UserError);
});
