import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../cli/run_cli.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { assertOnlyWholeCheckpoints } from "./checkpoints.ts";
import { TINY_CONFIG, writeTinyModel, writeTokenRows } from "./tiny_model.ts";

/** Something wrong that is given to `train`. */
interface BadInput {
  readonly name: string;
  /** What the one line on standard error must match. */
  readonly message: RegExp;
  /** @default {1} */
  readonly status?: number;
  /** Contents of the data set, if they are what is wrong. */
  readonly rows?: readonly string[];
  /** Keys to change in `config.json`, if they are what is wrong. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Damages the model. */
  readonly damage?: (model: string) => Promise<unknown>;
  /** Flags to add; `{folder}` stands for the test's. */
  readonly flags?: readonly string[];
  /** What to train instead of the tiny model. */
  readonly model?: string;
}

const ROW = JSON.stringify({ input_ids: [1, 2, 3], labels: [1, 2, 3] });
const LINES = Array.from({ length: 9 }, () => ROW);

const BAD_INPUTS: readonly BadInput[] = [
  { name: "an empty data set", rows: [], message: /data\.jsonl.* (empty|no rows)/ },
  { name: "a data set of blank lines", rows: ["", "  "], message: /data\.jsonl.*/ },
  {
    name: "broken JSON in line 7",
    rows: LINES.with(6, '{"text": "no end'),
    message: /line 7 of ".*data\.jsonl": it is not valid JSON/,
  },
  {
    name: "broken JSON in line 7 for a new model",
    rows: LINES.with(6, '{"text": "no end'),
    model: "demo",
    message: /line 7 of ".*data\.jsonl": it is not valid JSON/,
  },
  {
    name: "a row without any known key",
    rows: LINES.with(2, '{"sum": "1+1", "total": "2"}'),
    message: /line 3 of ".*data\.jsonl": .*"?messages"?/,
  },
  {
    name: "a row that is no object",
    rows: LINES.with(2, "[1, 2]"),
    message: /line 3 of ".*data\.jsonl": /,
  },
  {
    name: "a message without content",
    rows: LINES.with(1, '{"messages": [{"role": "user"}]}'),
    message: /line 2 of ".*data\.jsonl": .*content/,
  },
  {
    name: "a token id out of range",
    rows: LINES.with(4, '{"input_ids": [1, 64], "labels": [1, 64]}'),
    message: /line 5 of ".*data\.jsonl": .*64/,
  },
  {
    name: "a negative token id",
    rows: LINES.with(4, '{"input_ids": [1, -5], "labels": [1, 2]}'),
    message: /line 5 of ".*data\.jsonl": .*-5/,
  },
  {
    name: "labels of another length",
    rows: LINES.with(4, '{"input_ids": [1, 2, 3], "labels": [1]}'),
    message: /line 5 of ".*data\.jsonl": .*labels/,
  },
  {
    name: "a label out of range",
    rows: LINES.with(4, '{"input_ids": [1, 2], "labels": [1, 640]}'),
    message: /line 5 of ".*data\.jsonl": .*640/,
  },
  {
    name: "rows of which nothing is trained",
    rows: ['{"input_ids": [1, 2], "labels": [-100, -100]}'],
    message: /line 1 of .*nothing to train/,
  },
  {
    name: "text for a model without tokenizer",
    rows: ['{"text": "Once upon a time"}'],
    message: /line 1 of ".*data\.jsonl": .*tokenizer/,
  },
  { name: "no data set there", flags: ["--dataset", "none.jsonl"], message: /none\.jsonl/ },
  {
    name: "a folder without data as data set",
    flags: ["--dataset", "src"],
    message: /Cannot read data from ".*src": there is no \.jsonl/,
  },
  {
    name: "no evaluation data there",
    flags: ["--eval-dataset", "none.jsonl"],
    message: /none\.jsonl/,
  },
  { name: "no model there", model: "nothing", message: /Cannot find model "nothing".*looked for/ },
  {
    name: "weights that are cut off",
    damage: (model) => Deno.truncate(join(model, "model.safetensors"), 3000),
    message: /model\.safetensors.*cut off/,
  },
  {
    name: "weights that are no safetensors",
    damage: (model) => Deno.writeTextFile(join(model, "model.safetensors"), "<html>404</html>"),
    message: /model\.safetensors/,
  },
  {
    name: "no weights",
    damage: (model) => Deno.remove(join(model, "model.safetensors")),
    message: /model\.safetensors/,
  },
  {
    name: "a missing shard",
    damage: async (model) => {
      await Deno.remove(join(model, "model.safetensors"));
      const weight_map = { "lm_head.weight": "model-00001-of-00002.safetensors" };
      const index = JSON.stringify({ metadata: {}, weight_map });
      await Deno.writeTextFile(join(model, "model.safetensors.index.json"), index);
    },
    message: /names model-00001-of-00002\.safetensors, .*no such file/,
  },
  {
    name: "a weight of a wrong shape",
    config: { intermediate_size: 48 },
    message: /weight "model\.layers\.0\.mlp\.\w+\.weight" .*has the shape \[.*asks for \[/,
  },
  {
    name: "a missing weight",
    config: { num_hidden_layers: 3 },
    message: /no weight "model\.layers\.2\./,
  },
  {
    name: "a weight that the model does not have",
    config: { num_hidden_layers: 1 },
    message: /stores "model\.layers\.1\./,
  },
  {
    name: "an unknown architecture",
    config: { model_type: "mamba" },
    message: /model_type.*mamba/,
  },
  ...Object.entries({
    "that is broken": '{"model": ',
    "of another kind": "[]",
    "without vocabulary": '{"model": {"type": "WordPiece"}}',
  }).map(([state, json]): BadInput => ({
    name: `a tokenizer.json ${state}`,
    damage: (model) => Deno.writeTextFile(join(model, "tokenizer.json"), json),
    message: /Cannot open the tokenizer in ".*model": .*tokenizer\.json/,
  })),
  {
    name: "a config.json that is broken",
    damage: (model) => Deno.writeTextFile(join(model, "config.json"), '{"model_type": '),
    message: /config\.json".*not valid JSON/,
  },
  ...Object.entries({
    hidden_act: "gelu",
    rope_scaling: { rope_type: "dynamic", factor: 4 },
    sliding_window: 16,
    quantization_config: { quant_method: "gptq" },
    logit_softcapping: 30,
    num_key_value_heads: 3,
    vocab_size: -1,
  }).map(([key, value]): BadInput => ({
    name: `"${key}": ${JSON.stringify(value)} in config.json`,
    config: { [key]: value },
    message: new RegExp(`${key === "rope_scaling" ? "rope_(scaling|type)" : key}.* config\\.json`),
  })),
  {
    name: "an output below a file",
    flags: ["--output", "{folder}/data.jsonl/run"],
    message: /data\.jsonl\/run.*(is a file|already there)/,
  },
  {
    name: "an output that cannot be written",
    flags: ["--output", "/proc/run"],
    message: /\/proc\/run/,
  },
  {
    name: "an unknown flag",
    flags: ["--learning-rat", "1"],
    status: 2,
    message: /unknown option '--learning-rat'/,
  },
  ...[
    ["--learning-rate", "fast"],
    ["--batch-size", "0"],
    ["--max-steps", "1.5"],
    ["--device", "tpu"],
    ["--lr-scheduler", "step"],
    ["--max-length", "1"],
    ["--seed", "-1"],
    ["--adam-beta1", "2"],
  ].map(([flag, value]): BadInput => ({
    name: `${flag} ${value}`,
    flags: [flag!, value!],
    status: 2,
    message: new RegExp(`${flag} .*'${value}' is invalid`),
  })),
];

for (const input of BAD_INPUTS) {
  Deno.test(`train names what is wrong: ${input.name}`, async () => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const data = await writeData(join(path, "data.jsonl"), input.rows);
    const model = await writeTinyModel(join(path, "model"));
    if (input.config !== undefined) {
      const config = JSON.stringify({ ...TINY_CONFIG, ...input.config });
      await Deno.writeTextFile(join(model, "config.json"), config);
    }
    await input.damage?.(model);
    const { status, stderr } = await runCli([
      ...["train", "--dataset", data, "--model", input.model ?? model],
      ...["--device", "native", "--max-steps", "1", "--output", join(path, "run")],
      ...(input.flags ?? []).map((flag) => flag.replace("{folder}", path)),
    ]);
    const [line, ...hints] = stderr.trimEnd().split("\n");
    assert.match(line!, /^error: /);
    assert.match(line!, input.message);
    assert.equal(status, input.status ?? 1);
    // commander adds, in parentheses, what may have been meant
    assert.ok(hints.every((hint) => status === 2 && /^\(.*\)$/.test(hint)), stderr);
    assert.ok(!existsSync(join(path, "run", "checkpoints")));
  });
}

Deno.test("train names a disk that is full, and leaves whole checkpoints only", async (test) => {
  await using folder = await temporaryFolder();
  const output = join(folder.path, "disk");
  await Deno.mkdir(output);
  const mounted = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=300k", "tmpfs", output],
    stderr: "null",
  }).output().then(({ success }) => success, () => false);
  await test.step({
    name: mounted ? "300 kB" : "skipped: this user may not mount",
    ignore: !mounted,
    async fn() {
      try {
        const data = await writeTokenRows(join(folder.path, "data.jsonl"), 20);
        const model = await writeTinyModel(join(folder.path, "model"));
        const { status, stderr } = await runCli([
          ...["train", "--dataset", data, "--model", model, "--device", "native"],
          ...["--max-steps", "100", "--save-steps", "1", "--output", output],
        ]);
        const lines = stderr.trimEnd().split("\n");
        assert.match(lines.at(-1)!, /^error: Cannot write ".*": the disk is full/);
        assert.equal(lines.filter((line) => line.startsWith("error:")).length, 1, stderr);
        assert.equal(status, 1);
        assert.ok(await assertOnlyWholeCheckpoints(output) > 0);
      } finally {
        await new Deno.Command("umount", { args: [output] }).output();
      }
    },
  });
});

Deno.test("train refuses a folder that holds another run, and a data set that has changed", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const output = join(path, "run");
  const data = await writeTokenRows(join(path, "data.jsonl"), 8);
  const model = await writeTinyModel(join(path, "model"));
  const start = [
    ...["train", "--dataset", data, "--model", model, "--device", "native"],
    ...["--max-steps", "1", "--output", output],
  ];
  assert.equal((await runCli(start)).status, 0);
  const again = await runCli(start);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /^error: Cannot start a run in ".*": .*add --resume.*\n$/);
  await Deno.writeTextFile(data, `${ROW}\n`, { append: true });
  const resumed = await runCli(["train", "--resume", "--max-steps", "2", "--output", output]);
  assert.equal(resumed.status, 1);
  assert.match(resumed.stderr, /^error: Cannot resume from ".*": ".*data\.jsonl" has changed.*\n$/);
  assert.equal(await assertOnlyWholeCheckpoints(output), 1);
});

Deno.test("train cannot resume where nothing ran", async () => {
  await using folder = await temporaryFolder();
  const { status, stderr } = await runCli(["train", "--resume", "--output", folder.path]);
  assert.equal(status, 1);
  assert.match(stderr, /^error: Cannot resume: ".*" holds no run; look at --output\n$/);
});

Deno.test("train resumes without the model it began with, but not with another", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const output = join(path, "run");
  const data = await writeTokenRows(join(path, "data.jsonl"), 8);
  const model = await writeTinyModel(join(path, "model"));
  const start = ["train", "--dataset", data, "--device", "native", "--output", output];
  assert.equal((await runCli([...start, "--model", model, "--max-steps", "1"])).status, 0);
  const other = await runCli([...start, "--model", "demo", "--resume"]);
  assert.equal(other.status, 1);
  assert.match(
    other.stderr,
    /^error: Cannot resume ".*" with --model "demo": .*leave --model out.*\n$/,
  );
  await Deno.remove(model, { recursive: true });
  const resumed = await runCli(["train", "--resume", "--max-steps", "2", "--output", output]);
  assert.equal(resumed.status, 0, resumed.stderr);
});

Deno.test("serve names a port in use", async () => {
  await using folder = await temporaryFolder();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const model = await writeTinyModel(join(folder.path, "model"));
  const { status, stderr } = await runCli(["serve", "--model", model, "--port", String(port)]);
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`^error: .*${port}.*choose another --port\n$`));
});

async function writeData(path: string, rows: readonly string[] | undefined): Promise<string> {
  if (rows === undefined) return await writeTokenRows(path, 8);
  await Deno.writeTextFile(path, rows.map((row) => `${row}\n`).join(""));
  return path;
}
