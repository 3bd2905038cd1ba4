from hypothesis import example, given
from hypothesis import strategies as st

from ragkit.text.graphemes import LONGEST_CLUSTER, cut_before, may_cut

PARTS = st.sampled_from(
    [
        "a",
        " ",
        "\r",
        "\n",
        "e\u0301",
        "\u0301",
        "\u200d",
        "👩\u200d👩\u200d👧",
        "👍🏽",
        "🇫🇷",
        "🇩",
        "한",
        "\u1112\u1161\u11ab",
        "\u1100",
        "क्षि",
        "नि",
    ]
    + ["\ufe0f", "❤\ufe0f", "ก\u0e33", "ｶ\uff9e", "\u0600", "🏴\U000e0067\U000e0062\U000e007f", ".", "京"]
)


@given(st.lists(PARTS, max_size=12).map("".join) | st.text(max_size=20))
@example("a\u0301\u0302")
def test_what_may_be_cut_the_unicode_standard_may_cut_too(text: str) -> None:
    import regex

    allowed = {match.start() for match in regex.finditer(r"\X", text)} | {0, len(text)}
    for place in range(len(text) + 1):
        # White space is trimmed from pieces, so a mark on a space cannot be kept with it.
        if may_cut(text, place) and not text[place - 1 : place].isspace():
            assert place in allowed, (text, place)


def test_flags_are_cut_between_pairs() -> None:
    flags = "🇫🇷🇩🇪🇯🇵"
    assert [place for place in range(7) if may_cut(flags, place)] == [0, 2, 4, 6]


def test_a_cut_moves_back_to_the_nearest_place_allowed() -> None:
    text = "ab👩\u200d👧c"
    assert [cut_before(text, place, 0) for place in range(1, 7)] == [1, 2, 2, 2, 5, 6]


def test_a_cut_moves_on_when_there_is_nothing_before() -> None:
    assert cut_before("👩\u200d👧c", 1, 0) == 3


def test_a_cluster_without_end_is_cut_all_the_same() -> None:
    text = "a" + "\u0301" * 10 * LONGEST_CLUSTER
    assert cut_before(text, 200, 0) == 200


@given(st.text(max_size=60), st.data())
def test_a_cut_always_moves_on(text: str, data: st.DataObject) -> None:
    if text:
        low = data.draw(st.integers(0, len(text) - 1))
        place = data.draw(st.integers(low + 1, len(text)))
        assert low < cut_before(text, place, low) <= len(text)
