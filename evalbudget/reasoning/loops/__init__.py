"""Loops: does a reply repeat itself, from where on, and did it ever come out of it?

    detect(tokens, ...), detect_text(text, ...)      a whole reply → LoopVerdict
    Detector(), TextDetector()                       the same while it streams; says when doom is certain

What a loop is, in one paragraph. Of every token is asked whether the 12 tokens that it ends were said three
times before. Where, from some token on, known tokens outnumber the others by 320, there is a loop, and it
began there (`walk.py`). A reply that never finished needs less at its end: a periodic run of four repeats
(`exact`), or one in which only the numbers change (`template`); see `runs.py`. Doom is a loop with which a
reply that never finished ends (`ending.py` says what finished means); any other loop was recovered from; a
reply that never finished and has no loop is a runaway.

What differs from the definition proposed in the project's notes on methods, and why, by the labelled traces
(18 with a loop, 12 without, 4 unclear; DeepSeek-R1-Distill-Qwen-1.5B quantized, Gemma-4-12B, Qwen3-1.7B) and
by made ones (tests/reasoning/loops):

- Share of grams seen before, in a window of 1024 → a walk over grams seen three times before. With "seen
  before", 16 tokens and the threshold 0.75, the weakest loop has 0.83, the loopiest trace without one 0.68;
  with 8 tokens and 0.88 the latter has 0.90, and is called a loop. The walk gives 526 against 150; the second
  weakest loop has 4900. The fourth time, because a draft that is written out, revised and given as the
  answer comes three times.
- One number in place of window, tail share, merged onset and sustained stretch. Where the loop begins is then
  put back to the first saying of what it repeats: within the tolerance for all 18, and for 15 or more with
  grams of 10 to 14 tokens or 2 to 4 earlier sayings.
- Runs may break. A run that must be unbroken loses a sentence loop when one connective changes.
- A template's numbers have to change: else a sentence with figures in it would be a counter.
- An answer is not compared with the thinking before it.
- Whether a text without a finish reason finished is decided, and said (`finished`).

What is not seen: loops in meaning that never repeat their words; those replies are runaways.
"""

from evalbudget.reasoning.loops.detector import Detector, TextDetector, detect, detect_text
from evalbudget.reasoning.loops.recorded import RecordedLoop, loops_of_lines
from evalbudget.reasoning.loops.rules import DETECTOR_VERSION, RULES, Rules
from evalbudget.reasoning.loops.verdict import LoopKind, LoopVerdict, Published, Segment

__all__ = [
    "DETECTOR_VERSION",
    "RULES",
    "Detector",
    "LoopKind",
    "LoopVerdict",
    "Published",
    "RecordedLoop",
    "Rules",
    "Segment",
    "TextDetector",
    "detect",
    "detect_text",
    "loops_of_lines",
]
