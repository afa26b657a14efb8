import assert from "node:assert/strict";
import { join } from "node:path";
import { exchangeFolders } from "../../src/utils/exchange_folders.ts";
import { temporaryFolder } from "../temporary_folder.ts";

Deno.test({
  name: "exchangeFolders() makes two folders change places, or changes nothing",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await temporaryFolder();
    const [a, b] = [join(folder.path, "ä"), join(folder.path, "b")];
    for (const path of [a, b]) {
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, "name"), path);
    }
    assert.equal(exchangeFolders(a, b), true);
    assert.equal(await Deno.readTextFile(join(a, "name")), b);
    assert.equal(await Deno.readTextFile(join(b, "name")), a);
    assert.equal(exchangeFolders(a, join(folder.path, "c")), false);
    assert.equal(await Deno.readTextFile(join(a, "name")), b);
  },
});
