"""What the tiny model says greedily, computed by PyTorch: the truth that llama.cpp is held to.

python -m embedded.tiny.greedy WEIGHTS.pt GREEDY.jsonl     one line a question: its ids, the reply's
"""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from embedded.tiny.model import Sizes, TinyModel
from embedded.tiny.vocabulary import END, IDS, encode, prompt
from evalbudget.datasets.sums import LEVELS, fresh

_EACH, _SEED, _LONGEST = 8, 7, 120


@torch.inference_mode()
def greedy(model: TinyModel, ids: list[int], longest: int) -> list[int]:
    """The ids of the reply, to its end or to `longest` tokens."""
    past: list[list[Tensor]] = [[] for _ in model.blocks]
    said: list[int] = []
    given = torch.tensor([ids])
    while len(said) < longest and (not said or said[-1] != IDS[END]):
        said.append(int(model(given, past)[0, -1].argmax()))
        given = torch.tensor([[said[-1]]])
    return said


def main(weights: Path, target: Path) -> None:
    """Write the replies to eight fresh sums of each level, computed in F32 from weights rounded to F16."""
    model = TinyModel(Sizes())
    model.load_state_dict(
        {
            name: weight.half().float() if weight.dim() > 1 else weight
            for name, weight in torch.load(weights, weights_only=True).items()
        }
    )
    with target.open("w", encoding="utf-8") as file:
        for level in LEVELS:
            for made in islice(fresh(_SEED, level), _EACH):
                asked = encode(prompt(made.question()))
                said = greedy(model, asked, _LONGEST)
                file.write(json.dumps({"question": made.question(), "prompt": asked, "ids": said}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
