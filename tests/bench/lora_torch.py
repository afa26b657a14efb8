"""LoRA of rank 16 on all linear layers of a SmolLM2-135M (random weights) with PEFT: one JSON line.

"products" are those with the frozen matrices alone, forward and backward.

usage: lora_torch.py <config.json> <plain|checkpointing|products> <steps>
"""
import json
import os
import resource
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "2"
import peft
import torch
import transformers

torch.set_num_threads(2)
torch.manual_seed(0)
config = transformers.AutoConfig.from_pretrained(os.path.dirname(sys.argv[1]))
model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def time_products(steps):
    """Returns the time of each run: x · Wᵀ and y · W for each matrix of a linear layer; values of one shape are one array."""
    weights = [m.weight.detach() for m in model.modules() if isinstance(m, torch.nn.Linear)]
    given = {size: torch.full((512, size), 0.01) for weight in weights for size in weight.shape}
    times = []
    with torch.inference_mode():
        for _ in range(steps):
            began = time.perf_counter()
            for weight in weights:
                given[weight.shape[1]] @ weight.T
                given[weight.shape[0]] @ weight
            times.append(1000 * (time.perf_counter() - began))
    return times


if sys.argv[2] == "products":
    print(json.dumps({"times": time_products(int(sys.argv[3]))}))
    sys.exit()
lora = peft.LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
model = peft.get_peft_model(model, lora)
if sys.argv[2] == "checkpointing":
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
model.config.use_cache = False
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=2e-4, fused=True)
ids = torch.randint(0, config.vocab_size, (1, 512))
times = []
for _ in range(int(sys.argv[3])):
    began = time.perf_counter()
    model(input_ids=ids, labels=ids).loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    times.append(1000 * (time.perf_counter() - began))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"times": times, "peakBytes": peak}))
