"""PyTorch's side of the benchmark on GPUs: the same model or adapter on a batch as large, eager. One JSON line.

usage: gpu_torch.py <config.json> <full|lora> <float32|bfloat16> <batch> <length> <steps>
"""
import json
import os
import sys
import time

import torch
import transformers

config_path, method, dtype, *numbers = sys.argv[1:]
batch, length, steps = map(int, numbers)
torch.manual_seed(0)
config = transformers.AutoConfig.from_pretrained(os.path.dirname(config_path))
model = transformers.AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
if method == "lora":
    import peft

    lora = peft.LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
    model = peft.get_peft_model(model, lora)
model.to("cuda")
model.config.use_cache = False
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=2e-4, weight_decay=0, fused=True)
index = torch.arange(batch * length, device="cuda")
ids = ((index * index * 7 + index) % config.vocab_size).view(batch, length)
times, losses = [], []
for _ in range(steps):
    began = time.perf_counter()
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    losses.append(loss.item())
    torch.cuda.synchronize()
    times.append(1000 * (time.perf_counter() - began))
print(json.dumps({"times": times, "losses": losses, "peakBytes": torch.cuda.max_memory_allocated()}))
