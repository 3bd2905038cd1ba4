"""The pipeline language: expressions of stages, their text form, their checks and pictures."""

from ragkit.pipeline.check import Plan, check, plan
from ragkit.pipeline.draw import to_mermaid, to_text
from ragkit.pipeline.expression import Best, Expression, Fused, Stage, Then, Weighted
from ragkit.pipeline.parse import parse

__all__ = [
    "Best",
    "Expression",
    "Fused",
    "Plan",
    "Stage",
    "Then",
    "Weighted",
    "check",
    "parse",
    "plan",
    "to_mermaid",
    "to_text",
]
