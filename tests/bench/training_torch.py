"""PyTorch's side of the training benchmark: the same Llama on the same batch, eager, fused AdamW.

usage: training_torch.py <steps> [--device cpu|cuda] [--dtype float32|bfloat16] [--threads N]

Prints {"times": [ms per step], "peakBytes": n} as JSON.
"""

import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F

VOCAB, WIDTH, LAYERS, HEADS, INNER, BATCH, LENGTH = 32_000, 288, 6, 6, 768, 4, 128


def linear(inputs, outputs):
    return torch.nn.Linear(inputs, outputs, bias=False)


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm = torch.nn.RMSNorm(WIDTH, eps=1e-5)
        self.mlp_norm = torch.nn.RMSNorm(WIDTH, eps=1e-5)
        self.query, self.key, self.value, self.output = (linear(WIDTH, WIDTH) for _ in range(4))
        self.gate, self.up, self.down = linear(WIDTH, INNER), linear(WIDTH, INNER), linear(INNER, WIDTH)

    def forward(self, x, cos, sin):
        def heads(projection, y):
            return projection(y).view(BATCH, LENGTH, HEADS, -1).transpose(1, 2)

        def rotate(y):
            first, second = y.chunk(2, -1)
            return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)

        y = self.attention_norm(x)
        query, key, value = rotate(heads(self.query, y)), rotate(heads(self.key, y)), heads(self.value, y)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(BATCH, LENGTH, WIDTH))
        y = self.mlp_norm(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Llama(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = torch.nn.Embedding(VOCAB, WIDTH)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = torch.nn.RMSNorm(WIDTH, eps=1e-5)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, 0, 0.02)

    def forward(self, ids, labels, cos, sin):
        x = self.embeddings(ids)
        for layer in self.layers:
            x = layer(x, cos, sin)
        logits = F.linear(self.norm(x), self.embeddings.weight)
        return F.cross_entropy(logits.view(-1, VOCAB).float(), labels.view(-1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("steps", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    dtype = getattr(torch, arguments.dtype)
    model = Llama().to(arguments.device, dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    half = WIDTH // HEADS // 2
    angles = torch.arange(LENGTH)[:, None] / 10_000 ** (torch.arange(half)[None] / half)
    cos, sin = (table.to(arguments.device, dtype) for table in (angles.cos(), angles.sin()))
    index = torch.arange(BATCH * LENGTH + 1, device=arguments.device)
    tokens = (index * 7 + index // 13) % 500
    ids, labels = tokens[:-1].view(BATCH, LENGTH), tokens[1:].view(BATCH, LENGTH)
    times = []
    for _ in range(arguments.steps):
        started = time.perf_counter()
        optimizer.zero_grad()
        loss = model(ids, labels, cos, sin)
        loss.backward()
        optimizer.step()
        loss.item()
        times.append((time.perf_counter() - started) * 1000)
    peak = torch.cuda.max_memory_allocated() if arguments.device == "cuda" else (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    print(json.dumps({"times": times, "peakBytes": peak}))


main()
