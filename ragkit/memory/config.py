"""Every setting of agent memory with its default, checked when made.

Numbers marked "measured" were obtained on LoCoMo; the others are the reference's (SimpleMem) or start values.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ragkit.components import Between
from ragkit.errors import InvalidValueError
from ragkit.memory.weights import Weights
from ragkit.parameters import fits

Share = Annotated[float, Between(0.0, 1.0)]
Weight = Annotated[float, Between(0.0, 100.0)]


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """Settings of a `Memory`. Raises `InvalidValueError` naming the setting when one is out of range."""

    # Writing. Names of time zones are those of the IANA database.
    time_zone: str = "UTC"
    hemisphere: Literal["north", "south"] = "north"
    max_chars: Annotated[int, Between(100, 1_000_000)] = 4_000
    gap_minutes: Annotated[int, Between(1, 1_000_000)] = 60  # a longer silence ends a window
    ctx_before: Annotated[int, Between(0, 10)] = 2  # measured: any@10 71.7 without, 79.8 with two
    # Messages before a turn that its vector also sees. Measured: none is best, as neighbours' vectors count too.
    vector_before: Annotated[int, Between(0, 10)] = 0
    phatic_quantile: Share = 0.12  # measured: demotes 8.6 % of the turns, 1.2 % of those that answer a question
    cold_start: Annotated[int, Between(0, 100_000)] = 50
    reservoir: Annotated[int, Between(10, 100_000)] = 2_000
    keywords: Annotated[int, Between(0, 100)] = 8
    near_cosine: Share = 0.97
    near_jaccard: Share = 0.85

    # Extraction by a chat model.
    window: Annotated[int, Between(1, 200)] = 20
    stride: Annotated[int, Between(1, 200)] = 15
    gate: Literal["none", "entropy"] = "none"
    gate_alpha: Share = 0.5
    gate_quantile: Share = 0.10
    llm_retries: Annotated[int, Between(1, 10)] = 3
    llm_temperature: Annotated[float, Between(0.0, 2.0)] = 0.1
    lease_seconds: Annotated[int, Between(1, 86_400)] = 120

    # Consolidation.
    beta: Share = 0.7
    decay_per_day: Annotated[float, Between(0.0, 100.0)] = 0.1
    cluster_quantile: Share = 0.995
    cluster_threshold: Share | None = None  # a number overrides the quantile
    cluster_max: Annotated[int, Between(3, 1_000)] = 20
    level_max: Annotated[int, Between(1, 10)] = 3
    cons_every: Annotated[int, Between(1, 1_000_000)] = 50
    cons_idle_seconds: Annotated[int, Between(0, 86_400)] = 30

    # Retrieval. The first four column weights are measured, and so are `weights`.
    weight_label: Weight = 0.5
    weight_text: Weight = 1.0
    weight_ctx: Weight = 0.5
    weight_date: Weight = 0.3
    weight_grams: Weight = 1.0
    k_base: Annotated[int, Between(1, 1_000)] = 6
    delta: Annotated[float, Between(0.0, 10.0)] = 2.0
    k_min: Annotated[int, Between(1, 1_000)] = 3
    k_max: Annotated[int, Between(1, 1_000)] = 20
    candidates: Annotated[int, Between(1, 10_000)] = 200
    weights: Weights | None = None  # None: those measured for the kind of embedder
    w_phatic: Share = 0.9  # measured: any@10 half a point above 0.8
    w_archived: Share = 0.95  # measured: 0.9 costs 0.8 points of any@5 on the tuning conversations, 0.95 nothing
    w_superseded: Share = 0.5
    budget_tokens: Annotated[int, Between(0, 1_000_000)] = 600
    reflections: Annotated[int, Between(0, 2)] = 0
    planner: bool = False
    preceding: bool = True  # a context shows the question before an answer, where the budget allows

    # Keeping.
    tombstone_days: Annotated[int, Between(0, 36_500)] = 30
    busy_seconds: Annotated[float, Between(0.0, 3_600.0)] = 30.0  # how long a writer tries before it gives up

    def __post_init__(self) -> None:
        hints = _hints()
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not fits(value, hints[field.name]):
                raise InvalidValueError(f"memory setting {field.name} cannot be {value!r}{_range(hints[field.name])}")
        if self.stride > self.window:
            raise InvalidValueError(f"stride ({self.stride}) must not be larger than window ({self.window})")
        if self.k_min > self.k_max:
            raise InvalidValueError(f"k_min ({self.k_min}) must not be larger than k_max ({self.k_max})")
        self.zone()

    def zone(self) -> ZoneInfo:
        """The time zone of times that name none."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidValueError(
                f"there is no time zone {self.time_zone!r}; write one like Europe/Zurich, or UTC"
            ) from error

    @property
    def fts_weights(self) -> tuple[float, float, float, float, float]:
        """The weights of the lexical index's columns, in their order."""
        return self.weight_label, self.weight_text, self.weight_ctx, self.weight_date, self.weight_grams


@functools.cache
def _hints() -> dict[str, Any]:
    return get_type_hints(MemoryConfig, include_extras=True)


def _range(hint: Any) -> str:
    for bounds in getattr(hint, "__metadata__", ()):
        if isinstance(bounds, Between):
            return f"; it lies between {bounds.low:g} and {bounds.high:g}"
    return ""
