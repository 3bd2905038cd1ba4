"""Graphs of what documents say: building, searching, showing them."""
