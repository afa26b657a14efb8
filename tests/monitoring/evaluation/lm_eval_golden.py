"""Evaluates a model on a task description with PyPI's lm-eval and prints, as JSON, each item's verdicts.

python lm_eval_golden.py <model folder> <task.yaml> [limit]   (lm-eval 0.4.13)
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("HF_HOME", os.path.join(os.path.dirname(os.path.abspath(sys.argv[2])), "hf"))

import lm_eval  # noqa: E402
import yaml  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402

model, task = sys.argv[1:3]
limit = int(sys.argv[3]) if len(sys.argv) > 3 else None
lm = HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=4)
with open(task) as file:
    description = yaml.safe_load(file)
found = lm_eval.simple_evaluate(model=lm, tasks=[description], log_samples=True, bootstrap_iters=0, limit=limit)
(samples,) = found["samples"].values()
metrics = ("acc", "acc_norm", "exact_match")
print(
    "RESULT "
    + json.dumps(
        [
            {
                "index": sample["doc_id"],
                "filter": sample["filter"],
                "prompt": sample["arguments"]["gen_args_0"]["arg_0"]
                if isinstance(sample["arguments"], dict)
                else sample["arguments"][0][0],
                "response": sample["resps"][0][0] if description["output_type"] == "generate_until" else None,
                "logprobs": [float(each[0]) for each in sample["filtered_resps"]]
                if description["output_type"] == "multiple_choice"
                else None,
                **{name: sample[name] for name in metrics if name in sample},
            }
            for sample in samples
        ]
    )
)
