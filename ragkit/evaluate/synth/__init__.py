"""Synthetic questions with exact references: `by_rules` without a language model, `by_model` with one."""

from ragkit.evaluate.synth.candidates import Candidate, Funnel
from ragkit.evaluate.synth.filters import Filters
from ragkit.evaluate.synth.generating import DryRun, Generated, by_model, by_rules, dry_run

__all__ = ["Candidate", "DryRun", "Filters", "Funnel", "Generated", "by_model", "by_rules", "dry_run"]
