import pytest

from ragkit.text.entities import extract


def found(text: str) -> list[tuple[str, str]]:
    return [(mention.surface, mention.label) for mention in extract(text, sources=("acronyms",))]


@pytest.mark.parametrize(
    ("long", "short"),
    [("World Health Organization", "WHO"), ("Federal Bureau of Investigation", "FBI"), ("Bank of America", "BOA")],
)
def test_an_acronym_in_brackets_and_its_long_form_are_found(long: str, short: str) -> None:
    assert found(f"today the {long} ({short}) met") == [(long, "NAME"), (short, "ACRONYM")]


@pytest.mark.parametrize(
    "text",
    [
        "the Red Army (WHO) met",
        "World Health Organization (who)",
        "World Health Organization; and (WHO)",
        "World Health Organization (WHO's)",
        "Washington (W)",
        "(WHO) World Health Organization",
        "the (USA",
    ],
)
def test_brackets_without_fitting_letters_before_are_no_acronyms(text: str) -> None:
    assert found(text) == []


def test_the_bracket_may_hold_more_than_the_acronym() -> None:
    assert ("WHO", "ACRONYM") in found("World Health Organization ( WHO, founded 1948)")
