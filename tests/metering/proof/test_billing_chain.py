"""The chain of what was billed, as bytes: whatever is changed of it is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metering.proof.billing_chain import (
    NO_HEAD,
    Head,
    Link,
    LinkKind,
    digest_of,
    link_content,
    list_content,
    parse_head,
    read_chain,
    read_list,
)

AT = datetime(2026, 11, 24, tzinfo=UTC)


def chain(length: int) -> dict[int, bytes]:
    """Links of October, one after the other."""
    links: dict[int, bytes] = {}
    previous = ""
    for number in range(1, length + 1):
        lists = {"2026-10": f"{number}" * 64}
        links[number] = link_content(
            Link(number=number, previous=previous, kind=LinkKind.INVOICES, at=AT, who="ops", lists=lists)
        )
        previous = digest_of(links[number])
    return links


def head_of(links: dict[int, bytes]) -> Head:
    """The last link."""
    return Head(max(links), digest_of(links[max(links)]))


def faults(links: dict[int, bytes], kept: Head) -> tuple[str, ...]:
    """What is found to be wrong."""
    return read_chain(sorted(links.items()), [kept]).faults


def test_a_whole_chain() -> None:
    """It has all links in order, its head is the last one, and a head that was kept earlier fits it, too."""
    links = chain(3)
    found = read_chain(sorted(links.items()), [Head(2, digest_of(links[2])), head_of(links)])
    assert ((1, 2, 3), head_of(links), ()) == (
        tuple(link.number for link in found.links),
        found.head,
        found.faults,
    )
    assert ((), NO_HEAD, ()) == read_chain([], [NO_HEAD])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_altered_byte_is_seen(number: int) -> None:
    """Whatever byte of whatever link is another: the link is named."""
    links = chain(3)
    kept, content = head_of(links), links[number]
    for place in range(len(content)):
        altered = {**links, number: content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]}
        assert any(f"link {number}" in fault for fault in faults(altered, kept)), place


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ((1,), "link 1 is missing"),
        ((2,), "link 2 is missing"),
        ((3,), "link 3 is missing at the end: the chain had 3 links"),
        ((2, 3), "links 2 to 3 are missing at the end"),
        ((1, 2, 3), "links 1 to 3 are missing at the end"),
    ],
)
def test_every_missing_link_is_seen(gone: tuple[int, ...], named: str) -> None:
    """In the middle by the numbers, at the end by the head that is kept elsewhere."""
    links = chain(3)
    left = {number: content for number, content in links.items() if number not in gone}
    assert any(fault.startswith(named) for fault in faults(left, head_of(links)))


def test_a_chain_made_anew() -> None:
    """Links that fit one another, and not the head that was kept, are seen by it."""
    links = chain(3)
    other = {number: content.replace(b'"ops"', b'"eve"') for number, content in chain(1).items()}
    assert ("link 1 was altered: its SHA-256 was " + digest_of(links[1]),) == faults(
        other, Head(1, digest_of(links[1]))
    )


def test_a_link_in_anothers_place() -> None:
    """Two links that changed places are both named."""
    links = chain(3)
    found = faults({**links, 1: links[2], 2: links[1]}, head_of(links))
    assert "link 1 says that it is link 2" in found
    assert "link 2 says that it is link 1" in found


def test_lists() -> None:
    """A list gives back its objects, and the same objects give the same bytes in any order."""
    objects = {"b": "2" * 64, "a": "1" * 64}
    assert objects == read_list(list_content(objects))
    assert list_content(objects) == list_content(dict(sorted(objects.items())))


@pytest.mark.parametrize(
    "text", ["", "7", "0:" + "a" * 64, "7:" + "A" * 64, "7:" + "a" * 63, "x:" + "a" * 64]
)
def test_a_head_as_text(text: str) -> None:
    """What is printed can be read again, and nothing else."""
    assert Head(7, "a" * 64) == parse_head(str(Head(7, "a" * 64)))
    with pytest.raises(ValueError, match="is not a head of the chain"):
        parse_head(text)
