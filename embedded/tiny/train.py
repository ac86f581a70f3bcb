"""Trains the tiny model: fixed steps, fixed seeds, and a log of all that happened.

    python -m embedded.tiny.train FOLDER

Loss on thinking and answer. A fifth of the samples has its thinking cut at a random token, with the right
answer behind it all the same, and a tenth has no thinking at all: so a forced early answer means something,
and a budget of 0 is a fair floor. Where the thinking was cut, its end is no target: the model must not learn
to stop early.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from embedded.tiny.model import Sizes, TinyModel
from embedded.tiny.vocabulary import CLOSE, END, IDS, OPEN, encode, prompt
from evalbudget.datasets.sums import LEVELS, WORDINGS, Sum, draw

STEPS = 4000
BATCH = 96
"""Samples a step."""
POOL = 16
"""Batches that are drawn together and sorted by length, so that little is padding."""
SEED = 1
KEPT = (30, 35, 40, 45, 50, 55, 60, 80, 100, 150, 200, 300, 500, 1000, 2000, 3000)
"""Steps whose weights are kept as well."""
CUT, UNTHOUGHT = 0.2, 0.1
"""Share of samples whose thinking is cut, and of those without any."""
_IGNORED = -100


def sample(random: Random) -> tuple[list[int], list[bool]]:
    """Ids of one sample, and which of them are targets."""
    problem = _for_training(random)
    ids = encode(prompt(problem.question(random.randrange(len(WORDINGS)))))
    thinking = encode("".join(problem.lines))
    kind = random.random()
    whole = kind >= CUT + UNTHOUGHT
    if not whole:
        thinking = thinking[: random.randrange(len(thinking)) if kind < CUT else 0]
    answer = encode(f"\\boxed{{{problem.answer}}}{END}")
    targets = [False] * len(ids) + [True] + [True] * len(thinking) + [whole] + [True] * len(answer)
    return [*ids, IDS[OPEN], *thinking, IDS[CLOSE], *answer], targets


def _for_training(random: Random) -> Sum:
    level = random.choice(LEVELS)
    while (problem := draw(random, level)).is_kept_out:
        pass
    return problem


def batches(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(ids, targets), each batch × length."""
    random = Random(seed)  # noqa: S311  (problems, no secrets)
    while True:
        pool = sorted((sample(random) for _ in range(BATCH * POOL)), key=lambda each: len(each[0]))
        cut = [pool[place : place + BATCH] for place in range(0, len(pool), BATCH)]
        random.shuffle(cut)
        yield from map(_tensors, cut)


def _tensors(samples: list[tuple[list[int], list[bool]]]) -> tuple[Tensor, Tensor]:
    longest = max(len(ids) for ids, _ in samples)
    ids = torch.full((len(samples), longest), IDS["<|endoftext|>"])
    targets = torch.full((len(samples), longest), _IGNORED)
    for row, (given, wanted) in enumerate(samples):
        ids[row, : len(given)] = torch.tensor(given)
        chosen = [each if is_target else _IGNORED for each, is_target in zip(given, wanted, strict=True)]
        targets[row, : len(given)] = torch.tensor(chosen)
    return ids[:, :-1], targets[:, 1:]


def train(folder: Path, steps: int = STEPS) -> TinyModel:
    """The trained model; weights of `KEPT` steps and the log go into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    model = TinyModel(Sizes())
    matrices = [weight for block in model.blocks for weight in block.parameters() if weight.dim() == 2]
    rest = [w for w in model.parameters() if all(w is not matrix for matrix in matrices)]
    optimizers = [
        torch.optim.Muon(matrices, lr=0.02, momentum=0.95, weight_decay=0.0),
        torch.optim.AdamW(rest, lr=0.004, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    began, seen = time.monotonic(), 0
    with (folder / "train.jsonl").open("w", encoding="utf-8") as log:
        for step, (ids, targets) in zip(range(1, steps + 1), batches(SEED), strict=False):
            for optimizer, peak in zip(optimizers, (0.02, 0.004), strict=True):
                optimizer.param_groups[0]["lr"] = peak * _schedule(step, steps)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(ids)
            loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=_IGNORED)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            seen += ids.numel()
            if step % 50 == 0 or step in KEPT:
                said = {"step": step, "loss": round(loss.item(), 4), "tokens": seen}
                said["seconds"] = round(time.monotonic() - began, 1)
                log.write(json.dumps(said) + "\n")
                log.flush()
                print(said, flush=True)
            if step in KEPT or step == steps:
                torch.save(model.state_dict(), folder / f"step-{step}.pt")
    return model


def _schedule(step: int, steps: int) -> float:
    """Up over 50 steps, then down in a straight line to a fiftieth."""
    return min(step / 50, max(0.02, 1 - step / steps))


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(prog="python -m embedded.tiny.train", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args()
    train(given.folder, given.steps)


if __name__ == "__main__":
    main()
