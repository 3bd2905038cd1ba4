"""Questions about nothing in particular: what a text scores for them, it scores for any question."""

from __future__ import annotations

QUESTIONS = (
    "What is the main reason for this?",
    "Who was responsible for it?",
    "When did it begin?",
    "Where does this take place?",
    "How many of them are there?",
    "What happened afterwards?",
    "Which one was chosen in the end?",
    "Why did they decide to do that?",
    "How is it made?",
    "What does the name mean?",
    "Who said so, and to whom?",
    "How much did it cost?",
    "What are the most important results?",
    "Which problems were there?",
    "How long did it last?",
    "What is it used for?",
    "What was different before?",
    "Who are the people involved?",
    "What is known about its origin?",
    "How does it work?",
)
