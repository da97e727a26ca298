from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources.bufr.encode import Writer, inmet, message

from atalaia.sources.bufr import reader
from atalaia.sources.bufr.reader import Damaged, Told, find, read
from atalaia.sources.bufr.tables import stored, tables

AT = [2026, 8, 11, 10, 0]
TIME = [4001, 4002, 4003, 4004, 4005]


def told(body: bytes) -> list[list[Told]]:
    return read(body).subsets


@pytest.mark.parametrize("edition", [3, 4])
def test_what_is_written_is_read_again(edition: int) -> None:
    body = message(
        [301011, 301012, 12101, 1015],
        [[*AT, 299.15, "PORANGATU"], [*AT, None, None]],
        edition=edition, update=2,
    )  # fmt: skip
    found = read(body)
    assert found.section1.centre == 43
    assert found.section1.update == 2
    assert not found.is_compressed
    assert found.descriptors == (301011, 301012, 12101, 1015)
    assert found.subsets == [
        [*zip(TIME, AT, strict=True), (12101, 299.15), (1015, "PORANGATU")],
        [*zip(TIME, AT, strict=True), (12101, None), (1015, None)],
    ]


NUMBERS = {1002: 3, 10004: 100_130, 11002: 12.3, 12101: 250.04, 13011: 25.4, 20001: 9990}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(list(NUMBERS)), st.booleans()), min_size=1, max_size=30),
    st.integers(1, 4),
)
def test_any_elements_come_out_as_they_went_in(
    elements: list[tuple[int, bool]], n_subsets: int
) -> None:
    values = [None if is_missing else NUMBERS[code] for code, is_missing in elements]
    subsets = told(message([code for code, _ in elements], [values] * n_subsets))
    assert len(subsets) == n_subsets
    for subset in subsets:
        assert [code for code, _ in subset] == [code for code, _ in elements]
        assert [value for _, value in subset] == pytest.approx(values)


def test_operators_change_width_scale_and_letters_as_long_as_they_are_in_force() -> None:
    codes = [201132, 202129, 13003, 202000, 201000, 13003, 207001, 12101, 207000, 208003, 1015,
             208000, 1015]  # fmt: skip
    subset = told(message(codes, [[88.5, 88, 280.123, "ABC", "STATION"]]))[0]
    assert subset == [(13003, 88.5), (13003, 88), (12101, 280.123), (1015, "ABC"),
                      (1015, "STATION")]  # fmt: skip


def test_operators_leave_code_tables_and_factors_alone() -> None:
    codes = [201132, 202129, 8021, 101000, 31001, 11002, 202000, 201000]
    assert told(message(codes, [[2, 1, 3.25]]))[0] == [(8021, 2), (11002, 3.25)]


def test_associated_fields_stand_in_front_of_values_and_are_not_values() -> None:
    codes = [204008, 31021, 13011, 13011, 204000, 13011]
    assert told(message(codes, [[1, 0.5, None, 2.5]]))[0] == [
        (31021, 1), (13011, 0.5), (13011, None), (13011, 2.5),
    ]  # fmt: skip


def test_a_changed_reference_holds_until_it_is_taken_back() -> None:
    writer = Writer()
    writer.put(1 << 11 | 50, 12)  # -50
    writer.put(70, 12)
    writer.put(70, 12)
    codes = [203012, 11002, 203255, 11002, 203000, 11002]
    assert told(_raw(codes, writer.octets()))[0] == [(11002, 2.0), (11002, 7.0)]


def _raw(codes: list[int], data: bytes, *, n: int = 1, flags: int = 0x80, **more: int) -> bytes:
    """A message whose section 4 is given."""
    whole = message([], [[]] * n, flags=flags, data=data, **more)  # type: ignore[arg-type]
    empty = read_sections(whole)
    packed = b"".join(
        ((each // 100_000) << 14 | (each // 1000 % 100) << 8 | each % 1000).to_bytes(2, "big")
        for each in codes
    )
    three = empty[1][3:] + packed
    body = b"".join(
        (len(each) + 3).to_bytes(3, "big") + each for each in (empty[0][3:], three, empty[2][3:])
    )
    return b"BUFR" + (len(body) + 12).to_bytes(3, "big") + whole[7:8] + body + b"7777"


def read_sections(whole: bytes) -> list[bytes]:
    at, sections = 8, []
    while whole[at : at + 4] != b"7777":
        length = int.from_bytes(whole[at : at + 3], "big")
        sections.append(whole[at : at + length])
        at += length
    return sections


def test_a_local_element_of_given_width_is_passed_over() -> None:
    writer = Writer()
    writer.put(5, 7)
    writer.put(2, 5)
    assert told(_raw([206007, 63250, 8021], writer.octets()))[0] == [(63250, None), (8021, 2)]


def test_an_element_that_no_table_knows_is_refused() -> None:
    with pytest.raises(Damaged, match="unknown descriptor in BUFR: 063250"):
        read(_raw([63250], b"\0\0"))


def test_quality_information_is_read_as_further_elements() -> None:
    writer = Writer()
    writer.put(100, 12)
    writer.put(0, 1)
    writer.put(70, 7)
    codes = [11002, 222000, 236000, 101001, 31031, 101001, 33007]
    assert told(_raw(codes, writer.octets()))[0] == [(11002, 10.0), (31031, 0), (33007, 70)]


@pytest.mark.parametrize("code", [221001, 223000, 224000, 225000, 232000, 209064])
def test_operators_that_refer_back_are_refused(code: int) -> None:
    with pytest.raises(Damaged, match="operator of BUFR that is not read"):
        read(_raw([code, 11002], b"\0" * 8))


# Compressed


def compressed(codes: list[int], columns: list[tuple[int, int, int, list[int]]], n: int) -> bytes:
    """Columns as (base, its width, width of the differences, differences)."""
    writer = Writer()
    for base, width, more, differences in columns:
        writer.put(base, width)
        writer.put(more // 8 if more and width % 8 == 0 and width > 32 else more, 6)
        for each in differences:
            writer.put(each, more)
    return _raw(codes, writer.octets(), n=n, flags=0xC0)


def test_compressed_subsets_are_base_and_difference() -> None:
    body = compressed(
        [11002, 12101, 8021, 11001],
        [
            (100, 12, 3, [0, 7, 5]),
            (29_000, 16, 0, []),
            (31, 5, 0, []),
            (4, 9, 2, [1, 2, 3]),
        ],
        3,
    )
    assert told(body) == [
        [(11002, 10.0), (12101, 290.0), (8021, None), (11001, 5)],
        [(11002, None), (12101, 290.0), (8021, None), (11001, 6)],
        [(11002, 10.5), (12101, 290.0), (8021, None), (11001, None)],
    ]


def test_compressed_texts_are_told_whole() -> None:
    def octets(text: str) -> int:
        return int.from_bytes(text.encode("latin-1"), "big")

    body = compressed(
        [1011, 1011],
        [(0, 72, 24, [octets("AB "), octets("\xff\xff\xff")]), (octets("SAME     "), 72, 0, [])],
        2,
    )
    assert told(body) == [[(1011, "AB"), (1011, "SAME")], [(1011, None), (1011, "SAME")]]


def test_a_replication_that_differs_between_compressed_subsets_is_refused() -> None:
    body = compressed([101000, 31001, 11002], [(1, 8, 1, [0, 1])], 2)
    with pytest.raises(Damaged, match="differs between compressed subsets"):
        read(body)


# What is found in files


def test_headings_are_found_and_damage_costs_only_its_own_message() -> None:
    good = message([12101], [[280.0]])
    cut = good[:-9]
    without_end = good[:-4] + b"7778"
    data = (
        b"####\r\r\nISMD02 LIIB 210600 CCA\r\r\n" + good + b"\r\r\n\x03BUFRzz" + without_end
        + b"\x01\r\r\n123\r\r\nISMD03 LIIB 210600\r\r\n" + good + b"xx" + cut
    )  # fmt: skip
    found = list(find(data))
    assert [each.heading for each in found if each.body] == [
        "ISMD02 LIIB 210600 CCA", "ISMD03 LIIB 210600",
    ]  # fmt: skip
    assert [each.body for each in found if each.body] == [good, good]
    assert {each.fault.reason for each in found if each.fault} == {
        "BUFR cut short", "BUFR without its end",
    }  # fmt: skip


def test_a_file_without_bufr_has_no_messages() -> None:
    assert list(find(b"")) == list(find(b"TAF HDAM 111100Z")) == []
    assert [each.body for each in find(b"BUFR")] == [None]


def test_section_2_is_passed_over() -> None:
    body = message([12101], [[280.0]], section_2=b"local use")
    assert told(body) == [[(12101, 280.0)]]


# Limits: nothing that arrives may end the service, or cost more than itself


def refused_within(body: bytes, seconds: float, reason: str) -> None:
    start = time.process_time()
    with pytest.raises(Damaged, match=reason):
        read(body)
    assert time.process_time() - start < seconds


def test_a_claim_of_65535_equal_subsets_is_refused() -> None:
    codes = [11002] * 60
    writer = Writer()
    for _ in codes:
        writer.put(100, 12)
        writer.put(0, 6)
    refused_within(_raw(codes, writer.octets(), n=65_535, flags=0xC0), 0.5, "unfolds into too much")


def test_replications_of_operators_are_counted_too() -> None:
    codes = [103255, 102255, 101255, 201132, 201000, 11002]
    refused_within(_raw(codes, b"\0" * 40, n=65_535), 1, "too much|template")


def test_subsets_of_nothing_are_counted_too() -> None:
    assert told(_raw([], b"", n=1000)) == [[]] * 1000
    for codes in ([], [201132]):
        for flags in (0x80, 0xC0):
            body = _raw(codes, b"", n=65_535, flags=flags)
            refused_within(body, 0.5, "unfolds into too much")


def test_a_long_message_of_single_bits_is_refused() -> None:
    body = _raw([101000, 31002, 31000], b"\xff" * 1_000_000, n=200)
    refused_within(body, 3, "unfolds into too much")


def test_replications_within_each_other_are_refused() -> None:
    codes = []
    for depth in range(40, 0, -1):
        codes.append(100_000 + depth * 1000 + 1)
    refused_within(_raw([*codes, 11002], b"\0" * 40), 0.5, "nested too deeply")


def test_a_template_of_thousands_of_sequences_is_refused() -> None:
    refused_within(_raw([307091] * 20_000, b"\0" * 400), 2, "template too long")


def test_a_replication_of_what_is_not_there_is_refused() -> None:
    for codes in ([105002, 11002], [101000], [101000, 11002, 11002], [101000, 31011, 11002]):
        with pytest.raises(Damaged, match="replication"):
            read(_raw(codes, b"\0" * 40))


def test_a_scale_beyond_measure_is_refused() -> None:
    with pytest.raises(Damaged, match="impossible width"):
        read(_raw([201001, 11002], b"\0" * 40))


ROUNDS = 300


@pytest.mark.parametrize("seed", range(4))
def test_damaged_octets_raise_only_damaged(seed: int) -> None:
    chance = random.Random(seed)
    whole = inmet()
    for _ in range(ROUNDS):
        body = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8, 40])):
            body[chance.randrange(len(body))] = chance.choice([0, 255, chance.randrange(256)])
        if chance.random() < 0.3:
            del body[chance.randrange(len(body)) :]
        for found in find(bytes(body)):
            if found.body is not None:
                try:
                    read(found.body)
                except Damaged:
                    continue


def test_the_tables_say_how_they_came() -> None:
    assert stored().version >= 40
    assert tables(43, 0, 0) is stored().wmo
    assert 1197 in tables(78, 10, 8).elements
    assert all(
        0 < each.width <= 4096 and (each.kind != "text" or each.width % 8 == 0)
        for table in (stored().wmo, *stored().local.values())
        for each in table.elements.values()
    )


def test_no_sequence_holds_itself() -> None:
    sequences = stored().wmo.sequences

    def depth(code: int, above: tuple[int, ...]) -> int:
        assert code not in above
        inner = [each for each in sequences.get(code, []) if each >= 300_000]
        return 1 + max((depth(each, (*above, code)) for each in inner), default=0)

    assert max(depth(code, ()) for code in sequences) < reader._DEEPEST


def test_the_columns_of_bits_are_what_single_reads_give() -> None:
    data = np.random.default_rng(3).integers(0, 256, 200, np.uint8).tobytes()
    for width in (1, 5, 8, 31, 62):
        one, many = reader._Bits(data, 999), reader._Bits(data, 999)
        for each in (one, many):
            each.take(3)
        assert many.column(width, 20).tolist() == [one.take(width) for _ in range(20)]
