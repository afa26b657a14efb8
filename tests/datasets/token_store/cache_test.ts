import assert from "node:assert/strict";
import { join } from "node:path";
import { openCached, type OpenCachedOptions } from "../../../src/datasets/token_store/cache.ts";
import { writeTokenStore } from "../../../src/datasets/token_store/store_file.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

/** Opens a store of one example, and counts how often it is made. */
function opener(folder: string, options: Partial<OpenCachedOptions> = {}) {
  const log = { made: 0, warnings: [] as string[] };
  const open = async (key: string, given: Partial<OpenCachedOptions> = {}) => {
    using store = await openCached(key, {
      cache: { folder },
      onWarning: (warning) => log.warnings.push(warning),
      make: async (path) => {
        log.made++;
        await writeTokenStore(path, {
          idBytes: 2,
          fill: async (sink) => {
            await sink({
              bytes: Uint8Array.of(7, 0, 0, 0, 1),
              lengths: Int32Array.of(1),
              sizes: Int32Array.of(5),
            });
            return { key };
          },
        });
      },
      ...options,
      ...given,
    });
    assert.deepEqual(store.read(0), { inputIds: Int32Array.of(7), labels: Int32Array.of(7) });
    return store.summary;
  };
  return { log, open };
}

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

Deno.test("openCached() makes a store once, and each key has its own", async () => {
  await using folder = await temporaryFolder();
  const { log, open } = opener(join(folder.path, "tokens"));
  assert.deepEqual(await open("a"), { key: "a" });
  assert.deepEqual(await open("a"), { key: "a" });
  assert.deepEqual(await open("b"), { key: "b" });
  assert.equal(log.made, 2);
  assert.deepEqual(await namesIn(join(folder.path, "tokens")), ["a.tokens", "b.tokens"]);
});

Deno.test("openCached() makes a damaged store anew and says so", async () => {
  await using folder = await temporaryFolder();
  const { log, open } = opener(folder.path);
  await open("a");
  await Deno.truncate(join(folder.path, "a.tokens"), 9);
  assert.deepEqual(await open("a"), { key: "a" });
  assert.equal(log.made, 2);
  assert.match(log.warnings.join(), /^the tokens kept in ".*a\.tokens" are damaged and made anew$/);
  await open("a");
  assert.equal(log.made, 2);
});

Deno.test("openCached() leaves nothing of a store whose making fails", async () => {
  await using folder = await temporaryFolder();
  const { open } = opener(folder.path, {
    make: async (path) => {
      await Deno.writeFile(path, new Uint8Array(100));
      throw new UserError("Cannot use line 7");
    },
  });
  await assert.rejects(open("a"), { name: "UserError", message: "Cannot use line 7" });
  assert.deepEqual(await namesIn(folder.path), []);
});

Deno.test("openCached() keeps nothing without a cache, or where it may only read", async () => {
  await using folder = await temporaryFolder();
  const { log, open } = opener(folder.path);
  const before = await namesIn(folder.path);
  await open("a", { cache: undefined });
  await open("a", { cache: { folder: folder.path, write: false } });
  assert.deepEqual(await namesIn(folder.path), before);
  assert.equal(log.made, 2);
  await open("a");
  await open("a", { cache: { folder: folder.path, write: false } });
  assert.equal(log.made, 3, "what is kept is read");
});

Deno.test("openCached() goes on without a cache where its folder cannot be written, and says so", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await Deno.writeTextFile(file, "");
  const { log, open } = opener(join(file, "tokens"));
  assert.deepEqual(await open("a"), { key: "a" });
  assert.match(
    log.warnings.join(),
    /^tokens are not kept for the next run, Cannot write ".*tokens": /,
  );
});

Deno.test("openCached() removes the stores not used for longest, and parts that were left behind", async () => {
  await using folder = await temporaryFolder();
  const { log, open } = opener(folder.path);
  const used = async (name: string, hoursAgo: number) => {
    const time = new Date(Date.now() - hoursAgo * 3_600_000);
    await Deno.utime(join(folder.path, name), time, time);
  };
  for (const key of ["a", "b", "c"]) await open(key);
  const { size } = await Deno.stat(join(folder.path, "a.tokens"));
  for (const name of ["x.part", "y.part"]) await Deno.writeTextFile(join(folder.path, name), "");
  await used("a.tokens", 3);
  await used("b.tokens", 2);
  await used("c.tokens", 4);
  await used("x.part", 2);
  await open("a"); // it was used just now
  await open("d", { cache: { folder: folder.path, maxBytes: 2.5 * size } });
  assert.deepEqual(await namesIn(folder.path), ["a.tokens", "d.tokens", "y.part"]);
  await open("e", { cache: { folder: folder.path, maxBytes: 1 } });
  assert.deepEqual(await namesIn(folder.path), ["e.tokens", "y.part"], "the newest always stays");
  assert.equal(log.made, 5);
});
