from evalbudget.reasoning.loops.detector import Detector, TextDetector, detect, detect_text
from evalbudget.reasoning.loops.rules import DETECTOR_VERSION, RULES, Rules
from evalbudget.reasoning.loops.verdict import LoopKind, LoopVerdict, Published, Segment

__all__ = [
    "DETECTOR_VERSION",
    "RULES",
    "Detector",
    "LoopKind",
    "LoopVerdict",
    "Published",
    "Rules",
    "Segment",
    "TextDetector",
    "detect",
    "detect_text",
]
