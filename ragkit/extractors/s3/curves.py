"""The loss and the share of dead features along a training, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ragkit.errors import require


def draw_curves(history: Sequence[tuple[int, float, float]], path: Path, title: str) -> None:
    """Write a PNG of (step, loss, dead share). Raises `MissingExtraError` without matplotlib."""
    require("matplotlib", extra="plots", purpose="drawing the curves of a training")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = [step for step, _, _ in history]
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    (loss,) = axes.plot(steps, [loss for _, loss, _ in history], color="#1f5fa8", label="loss")
    axes.set(xlabel="step", ylabel="loss", title=title)
    axes.set_ylim(bottom=0)
    other = axes.twinx()
    (dead,) = other.plot(steps, [share for _, _, share in history], color="#b8860b", label="dead features")
    other.set(ylabel="share of dead features", ylim=(0, 1))
    axes.legend(handles=[loss, dead], loc="upper right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, format="png")
