"""Average two readers that were trained from one beginning, and keep the rank that carries it.

    python benchmarks/average_readers.py ONE.safetensors OTHER.safetensors OUT.safetensors [--rank 32]

What both add to a weight is averaged, not their factors (https://arxiv.org/abs/2203.05482); the singular values that are left
out are printed as a share of the whole.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy
from safetensors.numpy import save_file

from embeddings.runtime import learned


def main() -> None:
    """Read two files and write the third."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", type=Path, nargs=2)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rank", type=int, default=32)
    given = parser.parse_args()
    (one, head), (other, other_head) = map(learned, given.readers)
    tensors = {name: (head[name] + other_head[name]) / 2 for name in head}
    lost = []
    for name in one:
        # Both products side by side, and their singular values from two small triangles.
        down = numpy.vstack([one[name][0], other[name][0]])
        up = numpy.hstack([one[name][1], other[name][1]]) / 2
        right, right_triangle = numpy.linalg.qr(down.T)
        left, left_triangle = numpy.linalg.qr(up)
        outer, values, inner = numpy.linalg.svd(left_triangle @ right_triangle.T)
        root = numpy.sqrt(values[: given.rank])
        tensors[f"{name}.lora_A"] = root[:, None] * (inner[: given.rank] @ right.T)
        tensors[f"{name}.lora_B"] = left @ outer[:, : given.rank] * root
        lost.append(float((values[given.rank :] ** 2).sum() / (values**2).sum()))
    halves = {name: numpy.ascontiguousarray(tensor.astype(numpy.float16)) for name, tensor in tensors.items()}
    rank = str(given.rank)
    save_file(halves, given.out, {"rank": rank, "alpha": rank, "pairs": "see benchmarks/README.md"})
    print(f"left out: {numpy.mean(lost):.4f} on average, {max(lost):.4f} at most")


if __name__ == "__main__":
    main()
