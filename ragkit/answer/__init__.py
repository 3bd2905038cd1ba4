"""Answering from hits: `AnswerStage` quotes the sources, or has a chat model write and checks its citations."""

from ragkit.answer.answer import AnswerStage

__all__ = ["AnswerStage"]
