"""Statistics of scores and tokens: pure functions.

intervals       intervals of a share, and the size of an effect that a design can see
curves          accuracy over budget, with its bands, and what one number says of it
answers         one scored answer as the curves take it, and the tables made of many
strict          accuracy counting only what finished within a budget by itself
bootstrap       whole questions drawn again, and the interval that this gives
isotonic        the closest curve that never falls, and where it reaches a height
overthinking    what was thought after the answer was there, and what that lost
pareto          which points nothing else beats in tokens and accuracy
paired          two models on the same questions: difference of accuracy, ratio of tokens
matched_pairs   the same where each question was answered once: exact p and interval
sign_flip       how often chance alone gives such a difference
"""

from evalbudget.stats.answers import Answer
from evalbudget.stats.curves import Curve, CurvePoint, curve, ock_score
from evalbudget.stats.intervals import (
    LEVEL,
    OTHER_VARIANCE,
    WITHIN_QUESTION_VARIANCE,
    Interval,
    accuracy_interval,
    assumed_variance,
    clustered_wilson,
    detectable_effect,
    effective_answers,
    student_quantile,
)
from evalbudget.stats.matched_pairs import mcnemar_p, tango_interval
from evalbudget.stats.overthinking import post_answer_share
from evalbudget.stats.paired import PairedDifference, TokenRatio, paired_difference, token_ratio
from evalbudget.stats.pareto import dominated_for_sure, pareto
from evalbudget.stats.sign_flip import SignFlip, sign_flip
from evalbudget.stats.strict import StrictPoint, strict_curve

__all__ = [
    "LEVEL",
    "OTHER_VARIANCE",
    "WITHIN_QUESTION_VARIANCE",
    "Answer",
    "Curve",
    "CurvePoint",
    "Interval",
    "PairedDifference",
    "SignFlip",
    "StrictPoint",
    "TokenRatio",
    "accuracy_interval",
    "assumed_variance",
    "clustered_wilson",
    "curve",
    "detectable_effect",
    "dominated_for_sure",
    "effective_answers",
    "mcnemar_p",
    "ock_score",
    "paired_difference",
    "pareto",
    "post_answer_share",
    "sign_flip",
    "strict_curve",
    "student_quantile",
    "tango_interval",
    "token_ratio",
]
