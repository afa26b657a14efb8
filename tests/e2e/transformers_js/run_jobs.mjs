/**
 * Generates with transformers.js, in Node or a browser; all is greedy.
 *
 * A job is `{ model, dtype, maxNewTokens }` with a prompt as `ids`, `text` or chat `messages`; or `{ model, dtype,
 * lossText }`, whose tokens are only read.
 */

/**
 * Returns the new ids of each job and their text, or the mean loss per token of a `lossText`.
 *
 * @param transformers The module.
 * @param jobs The jobs; those of one model and dtype should follow each other.
 * @param options Of `from_pretrained`.
 */
export async function runJobs(transformers, jobs, options) {
  const { AutoModelForCausalLM, AutoTokenizer, Tensor } = transformers;
  const results = [];
  let opened;
  for (const job of jobs) {
    const { model: name, dtype } = job;
    if (opened?.name !== name || opened.dtype !== dtype) {
      await opened?.model.dispose();
      const model = await AutoModelForCausalLM.from_pretrained(
        name,
        dtype ? { ...options, dtype } : options,
      );
      const tokenizer = job.ids ? undefined : await AutoTokenizer.from_pretrained(name);
      opened = { name, dtype, model, tokenizer };
    }
    const { model, tokenizer } = opened;
    const inputs = job.ids
      ? { inputs: new Tensor("int64", BigInt64Array.from(job.ids, BigInt), [1, job.ids.length]) }
      : job.messages
      ? tokenizer.apply_chat_template(job.messages, {
        add_generation_prompt: true,
        return_dict: true,
      })
      : tokenizer(job.text ?? job.lossText);
    if (job.lossText) {
      const { logits } = await model(inputs);
      results.push({ loss: lossOf(logits, Array.from(inputs.input_ids.data, Number)) });
      continue;
    }
    const prompt = (inputs.inputs ?? inputs.input_ids).dims[1];
    const output = await model.generate({
      ...inputs,
      max_new_tokens: job.maxNewTokens,
      do_sample: false,
    });
    const ids = output.tolist()[0].map(Number).slice(prompt);
    const text = tokenizer?.decode(ids, { skip_special_tokens: true }) ?? "";
    results.push({ ids, text });
  }
  return results;
}

/** Mean of −log p of each token given those before it. */
function lossOf({ data, dims }, ids) {
  const width = dims[2];
  let total = 0;
  for (let i = 0; i + 1 < ids.length; i++) {
    const row = data.subarray(i * width, (i + 1) * width);
    const largest = Math.max(...row);
    const sum = row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
    total += largest + Math.log(sum) - row[ids[i + 1]];
  }
  return total / (ids.length - 1);
}
