"""Makes statistics.json: numbers of SciPy and NumPy that the statistics of comparisons are held against.

python make_statistics.py   (SciPy 1.17)
"""

import json
import pathlib

import numpy as np
from scipy import stats

rng = np.random.default_rng(7)
mcnemar = [
    {"onlyFirst": b, "onlySecond": c, "p": float(stats.binomtest(b, b + c, 0.5).pvalue)}
    for b, c in [(0, 1), (3, 3), (2, 9), (9, 2), (1, 12), (40, 61), (250, 311), (0, 30), (1000, 1100)]
]
wilcoxon = []
for n, shift, ties in [(8, 0.5, False), (20, 0.3, False), (50, 0.1, False), (120, 0.2, False), (30, 0.5, True)]:
    x = rng.normal(shift, 1, n)
    if ties:
        x = np.round(x * 2) / 2
    exact = not ties and n <= 50
    p = stats.wilcoxon(x, method="exact" if exact else "approx", correction=False).pvalue
    wilcoxon.append({"differences": x.tolist(), "p": float(p)})
permutation = []
for n, shift in [(10, 0.6), (40, 0.3)]:
    x = rng.normal(shift, 1, n)
    result = stats.permutation_test((x,), np.mean, permutation_type="samples", n_resamples=200_000, rng=1)
    permutation.append({"differences": x.tolist(), "p": float(result.pvalue)})
bootstrap = []
for n in [30, 200]:
    x = rng.normal(0.2, 1, n)
    interval = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=100_000, rng=1).confidence_interval
    bootstrap.append({"values": x.tolist(), "confidence": 0.95, "interval": [float(interval.low), float(interval.high)]})
normal = [{"z": z, "tail": float(stats.norm.sf(z))} for z in [0.0, 0.1, 0.8416, 1.5, 1.96, 2.0, 3.0, 5.5, 9.0]]
holm = {"p": [0.01, 0.04, 0.03, 0.005, 0.9], "corrected": [0.04, 0.09, 0.09, 0.025, 0.9]}
path = pathlib.Path(__file__).parent / "statistics.json"
path.write_text(json.dumps({"mcnemar": mcnemar, "wilcoxon": wilcoxon, "permutation": permutation, "bootstrap": bootstrap, "normal": normal, "holm": holm}) + "\n")
