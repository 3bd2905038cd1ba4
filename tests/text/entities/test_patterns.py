import pytest

from ragkit.text.entities import extract


def found(text: str, source: str) -> list[str]:
    return [mention.surface for mention in extract(text, sources=(source,))]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ('His film "The Third Man" (1949) won.', "The Third Man"),
        ("a book, “Emma,” by her", "Emma"),
        ("das Buch „Der Prozess“ lesen", "Der Prozess"),
        ("the song ‘Let’s Go’ was", "Let’s Go"),
        ("le roman «Nana» de", "Nana"),
        ("他读《红楼梦》。", "红楼梦"),
        ("映画「東京物語」を見た", "東京物語"),
        ("『雪国』は", "雪国"),
        ("看〈背影〉", "背影"),
        ("قرأ «ألف ليلة وليلة» أمس", "ألف ليلة وليلة"),
        ('called "1984" in', "1984"),
    ],
)
def test_quoted_texts_are_titles(text: str, title: str) -> None:
    assert found(text, "quotes") == [title]


@pytest.mark.parametrize(
    "text",
    ['he said "well, no" twice', '"' + "A" * 90 + '"', '"One\nTwo"', '"!?"', 'one " Two', "Let’s go to Ada’s"],
)
def test_remarks_long_quotes_and_lone_marks_are_no_titles(text: str) -> None:
    assert found(text, "quotes") == []


@pytest.mark.parametrize(
    "date",
    [
        "20 March 851",
        "20 March",
        "March 20, 1851",
        "March 20th",
        "1st May 1990",
        "May 1990",
        "1851-03-20",
        "1949",
        "1990s",
        "2024",
    ],
)
def test_dates_are_found_whole(date: str) -> None:
    assert found(f"It was ({date}), they say.", "dates") == [date]


@pytest.mark.parametrize("text", ["May came", "room 12", "12345", "x1949", "3019"])
def test_other_numbers_and_words_are_no_dates(text: str) -> None:
    assert found(text, "dates") == []


@pytest.mark.parametrize(
    "quantity",
    ["12 km", "3.5 million", "$3 million", "€ 5 billion", "1,200,000 people", "5%", "B-52", "A4", "747", "4K", "F16A"],
)
def test_numbers_with_a_unit_and_mixed_words_are_found_whole(quantity: str) -> None:
    assert found(f"There, {quantity} were seen.", "numbers") == ([] if quantity == "747" else [quantity])


def test_mixed_words_are_found_between_characters_of_scripts_without_spaces() -> None:
    assert found("使用B-52轰炸机,长12km的", "numbers") == ["B-52", "12km"]


def test_a_number_inside_a_word_is_no_quantity() -> None:
    assert found("abc_5km x.5 km 5kmh", "numbers") == []
