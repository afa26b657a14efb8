"""One process of tokenizer_bench.ts with PyPI's `tokenizers`: tokenises a list of texts several times and prints the number
of tokens and the seconds of each pass.

usage: tokenizer_peer.py <folder of the tokenizer> <texts.json> <threads> <passes>"""

import json
import os
import sys
import time

import tokenizers

folder, file, threads, passes = sys.argv[1:]
path = os.path.join(folder, "tokenizer.json")
if os.path.exists(path):
    tokenizer = tokenizers.Tokenizer.from_file(path)
else:
    tokenizer = tokenizers.ByteLevelBPETokenizer(os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt"))._tokenizer
with open(file, encoding="utf-8") as opened:
    texts = json.load(opened)
seconds = []
for _ in range(int(passes)):
    start = time.perf_counter()
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    seconds.append(time.perf_counter() - start)
print(json.dumps({"tokens": sum(len(each.ids) for each in encoded), "seconds": seconds}))
