"""Evaluates a model on a task description with PyPI's lm-eval and prints, as JSON, each item's verdicts.

python lm_eval_golden.py <model folder> <task.yaml> [--limit N] [--url URL --name NAME] [--chat] [--system TEXT]

With a URL, the model is asked at that server's /v1/completions; else torch runs it.   (lm-eval 0.4.13)
"""

import argparse
import json
import os

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("task")
parser.add_argument("--limit", type=int)
parser.add_argument("--url")
parser.add_argument("--name")
parser.add_argument("--chat", action="store_true")
parser.add_argument("--system")
given = parser.parse_args()

os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["OPENAI_API_KEY"] = "unused"
os.environ.setdefault("HF_HOME", os.path.join(os.path.dirname(os.path.abspath(given.task)), "hf"))

import lm_eval  # noqa: E402
import yaml  # noqa: E402

if given.url is None:
    from lm_eval.models.huggingface import HFLM

    lm = HFLM(pretrained=given.model, device="cpu", dtype="float32", batch_size=4)
else:
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    lm = LocalCompletionsAPI(
        model=given.name,
        base_url=given.url,
        tokenizer=given.model,
        tokenizer_backend="huggingface",
        add_bos_token=True,  # as torch has it: what the tokenizer adds, if it adds any
        num_concurrent=8,
        max_length=int(json.load(open(os.path.join(given.model, "config.json")))["max_position_embeddings"]),
    )
with open(given.task) as file:
    description = yaml.safe_load(file)
found = lm_eval.simple_evaluate(
    model=lm,
    tasks=[description],
    log_samples=True,
    bootstrap_iters=0,
    limit=given.limit,
    apply_chat_template=given.chat,
    system_instruction=given.system,
)
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
