import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.encoding import NotTextError, decode, marked

FRENCH = "L'été est passé, voilà. Ça va bien à Noël, dit-elle."


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_utf_8_is_read_as_it_is(text: str) -> None:
    if not marked(text.encode()):
        assert decode(text.encode()).text == text
        assert decode(text.encode()).metadata == {}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_decides_and_is_removed(encoding: str) -> None:
    assert decode(FRENCH.encode(encoding)).text == FRENCH


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_utf_16_and_32_without_a_mark_are_told_by_their_zeros(encoding: str) -> None:
    assert decode(FRENCH.encode(encoding)).text == FRENCH
    assert decode(FRENCH.encode(encoding)).encoding == encoding


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        ("café", "cp1252"),
        ("He said “hello” – it’s fine.", "cp1252"),
        ("Zażółć gęślą jaźń. Łódź jest miastem.", "cp1250"),
        ("Привет, как дела? Это короткий текст.", "cp1251"),
        ("Привет, как дела? Это короткий текст.", "koi8_r"),
        ("東京は日本の首都です。大阪は大きい都市です。", "cp932"),
        ("東京は日本の首都です。大阪は大きい都市です。", "euc_jp"),
        ("北京是中国的首都。上海是大城市。", "gb18030"),
        ("서울은 대한민국의 수도입니다. 부산은 큰 도시입니다.", "cp949"),
    ],
)
def test_legacy_encodings_are_guessed_and_noted(text: str, encoding: str) -> None:
    found = decode(text.encode(encoding))
    assert found.text == text
    assert found.metadata == {"encoding": encoding}


def test_broken_utf_8_stays_utf_8_and_the_flaws_are_counted() -> None:
    found = decode("naïve café crème".encode() + b"\xff tail")
    assert found.text == "naïve café crème\ufffd tail"
    assert found.metadata == {"encoding_errors": 1}


def test_the_declared_encoding_is_used_when_it_fits() -> None:
    data = "Łódź".encode("iso8859-2")
    assert decode(data, "ISO-8859-2").text == "Łódź"
    assert decode(data, "no-such-encoding").text


def test_valid_utf_8_is_believed_before_a_declaration() -> None:
    assert decode("Łódź".encode(), "iso-8859-2").text == "Łódź"


def test_a_truncated_utf_16_file_is_repaired() -> None:
    found = decode(FRENCH.encode("utf-16")[:-1])
    assert found.text.startswith(FRENCH[:-1]) and found.errors == 1


@pytest.mark.parametrize(
    "data", [b"\0", b"text\0text", random.Random(7).randbytes(4096), bytes(range(1, 32)) * 50, b"\x80\x81\xfe" * 100]
)
def test_binary_data_are_refused(data: bytes) -> None:
    with pytest.raises(NotTextError, match="binary"):
        decode(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_text_or_refused(data: bytes) -> None:
    try:
        found = decode(data)
    except NotTextError:
        return
    assert isinstance(found.text, str) and found.errors <= found.text.count("\ufffd")
