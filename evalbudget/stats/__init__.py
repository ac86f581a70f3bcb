"""Statistics of scores and tokens: pure functions.

intervals       intervals of a share, and the size of an effect that a design can see
mid_p           the interval of a share from independent trials
weighted        intervals of a weighted mean over strata
repeats         pass@k and maj@k, exact
curves          accuracy over budget, with its bands, and what one number says of it
answers         one scored answer as the curves take it, and the tables made of many
strict          accuracy counting only what finished within a budget by itself
bootstrap       whole questions drawn again, and the interval that this gives
isotonic        the closest curve that never falls, and where it reaches a height
overthinking    what was thought after the answer was there, and what that lost
pareto          which points nothing else beats in tokens and accuracy
comparison      the record of two models compared, for this benchmark and for questions like these
compared        from two models' answers to that record
pairing         two models' answers as columns
estimate        a difference with its uncertainty: intervals and one-sided tests that agree
drawn           the uncertainty where the questions are a draw: "questions like these"
fixed           the uncertainty where only the answers vary: "this benchmark"
design          how many more answers would tell
weakness        where an interval is less certain than it says, in plain words
ratio           of two models' tokens
spread          how well a spread is known from few numbers
flips           answers right with one model alone, beside the noise of reruns
holm            several tests at once
matched_pairs   the same where each question was answered once: exact p and interval
sign_flip       how often chance alone gives such a difference
"""

from evalbudget.stats.answers import Answer
from evalbudget.stats.compared import compare_answers, rate_change
from evalbudget.stats.comparison import (
    DEFAULT_MARGIN,
    Comparison,
    Flips,
    Judged,
    QuestionAnswers,
    RateChange,
    Target,
)
from evalbudget.stats.curves import Curve, CurvePoint, curve, ock_score
from evalbudget.stats.holm import holm
from evalbudget.stats.intervals import (
    LEVEL,
    OTHER_VARIANCE,
    WITHIN_QUESTION_VARIANCE,
    Interval,
    accuracy_interval,
    assumed_variance,
    benchmark_interval,
    clustered_interval,
    clustered_wilson,
    detectable_effect,
    effective_answers,
    few_differ,
    fixed_interval,
    student_quantile,
)
from evalbudget.stats.matched_pairs import mcnemar_p, tango_interval
from evalbudget.stats.overthinking import post_answer_share
from evalbudget.stats.pareto import dominated_for_sure, pareto
from evalbudget.stats.ratio import TokenRatio, token_ratio
from evalbudget.stats.repeats import ShareAt, Votes, majority_at_k, pass_at_k
from evalbudget.stats.sign_flip import SignFlip, sign_flip
from evalbudget.stats.strict import StrictPoint, strict_curve
from evalbudget.stats.weighted import Stratum, weighted_interval

__all__ = [
    "DEFAULT_MARGIN",
    "LEVEL",
    "OTHER_VARIANCE",
    "WITHIN_QUESTION_VARIANCE",
    "Answer",
    "Comparison",
    "Curve",
    "CurvePoint",
    "Flips",
    "Interval",
    "Judged",
    "QuestionAnswers",
    "RateChange",
    "ShareAt",
    "SignFlip",
    "Stratum",
    "StrictPoint",
    "Target",
    "TokenRatio",
    "Votes",
    "accuracy_interval",
    "assumed_variance",
    "benchmark_interval",
    "clustered_interval",
    "clustered_wilson",
    "compare_answers",
    "curve",
    "detectable_effect",
    "dominated_for_sure",
    "effective_answers",
    "few_differ",
    "fixed_interval",
    "holm",
    "majority_at_k",
    "mcnemar_p",
    "ock_score",
    "pareto",
    "pass_at_k",
    "post_answer_share",
    "rate_change",
    "sign_flip",
    "strict_curve",
    "student_quantile",
    "tango_interval",
    "token_ratio",
    "weighted_interval",
]
