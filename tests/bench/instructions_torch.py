"""LoRA of rank 16 on all linear layers with PEFT on instruction rows, only answers trained: one JSON line.

usage: instructions_torch.py <model folder> <alpaca rows.jsonl> <packed|padded> <length> <steps>
Packed: rows of up to <length> tokens, filled with examples in their order. Padded: four examples to a batch.
"""
import json
import os
import random
import resource
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "2"
import peft
import torch
import transformers

torch.set_num_threads(2)
torch.manual_seed(0)
folder, data, kind, length, steps = sys.argv[1:]
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)


def encode(row):
    prompt = row["instruction"] + ("\n" + row["input"] if row.get("input") else "")
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": row["output"]}]
    render = lambda part, **options: tokenizer.apply_chat_template(part, tokenize=False, **options)
    ids = tokenizer(render(messages), add_special_tokens=False).input_ids
    start = len(tokenizer(render(messages[:1], add_generation_prompt=True), add_special_tokens=False).input_ids)
    return ids, [-100] * start + ids[start:]


examples = [encode(json.loads(line)) for line in open(data)]
random.Random(0).shuffle(examples)
batches = []
if kind == "packed":
    ids, labels = [], []
    for example in examples:
        if len(ids) + len(example[0]) > int(length):
            batches.append(([ids], [labels]))
            ids, labels = [], []
        ids, labels = ids + example[0], labels + example[1]
else:
    for at in range(0, len(examples), 4):
        group = examples[at : at + 4]
        width = max(len(ids) for ids, _ in group)
        fill = lambda row, value: row + [value] * (width - len(row))
        batches.append(([fill(ids, 0) for ids, _ in group], [fill(labels, -100) for _, labels in group]))

model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
lora = peft.LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
model = peft.get_peft_model(model, lora)
model.config.use_cache = False
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=2e-4, fused=True)
taken = []
for ids, labels in batches[: int(steps)]:
    began = time.perf_counter()
    tokens = sum(token != 0 for row in ids for token in row)
    rows = torch.tensor(ids)
    mask = None if kind == "packed" else (rows != 0).long()
    model(input_ids=rows, attention_mask=mask, labels=torch.tensor(labels)).loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    taken.append({"tokens": tokens, "seconds": time.perf_counter() - began})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"steps": taken, "peakBytes": peak}))
