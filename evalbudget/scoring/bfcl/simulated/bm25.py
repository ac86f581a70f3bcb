"""BM25+, the ranking that the official key-value memory searches its keys with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


class BM25Plus:
    """Scores of documents for a query.

    Stands in for the class of this name in the package rank_bm25, with its constants, so that memory needs no
    further package. Formula: Lv and Zhai, "Lower-Bounding Term Frequency Normalization", CIKM 2011.
    """

    K1, B, DELTA = 1.5, 0.75, 1

    def __init__(self, corpus: Sequence[Sequence[str]]) -> None:
        """`corpus`: each document's words."""
        self._lengths = [len(document) for document in corpus]
        self._counts = [Counter(document) for document in corpus]
        self._mean_length = sum(self._lengths) / len(corpus)
        holding = Counter(word for counts in self._counts for word in counts)
        self._weight = {word: math.log((len(corpus) + 1) / number) for word, number in holding.items()}

    def get_scores(self, query: Sequence[str]) -> list[float]:
        """One score for each document, in the corpus's order."""
        scores = [0.0] * len(self._counts)
        for word in query:
            weight = self._weight.get(word, 0)
            for place, counts in enumerate(self._counts):
                share = 1 - self.B + self.B * self._lengths[place] / self._mean_length
                gain = counts[word] * (self.K1 + 1) / (self.K1 * share + counts[word])
                scores[place] += weight * (self.DELTA + gain)
        return scores
