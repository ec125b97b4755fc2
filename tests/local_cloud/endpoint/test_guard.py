"""Whose requests a local server takes."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from local_cloud.endpoint.guard import Clients, is_own, refusal

ADDRESS = "http://127.0.0.1:80/"
OWN = ("Host", "127.0.0.1:80")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8080", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("", False),
        ("localhost.", False),
        ("localhost:", False),
        ("127.0.0.1:8080\n", False),
        ("127.0.0.1@evil.example", False),
        ("xlocalhost", False),
        ("127x0.0.1", False),
        ("127.0.0.1,evil.example", False),
    ],
)
def test_own_names(host: str, expected: bool) -> None:
    """Only the loopback's own names."""
    assert expected is is_own(host)


@pytest.mark.parametrize(
    ("header", "of_programs", "of_its_page"),
    [
        (("User-Agent", "Boto3"), True, True),
        (("Sec-Fetch-Site", "same-origin"), False, True),
        (("Sec-Fetch-Site", "none"), False, True),
        (("Sec-Fetch-Site", "same-site"), False, False),
        (("Sec-Fetch-Site", "cross-site"), False, False),
        (("sec-fetch-site", "Cross-Site"), False, False),
        (("Sec-Fetch-Site", ""), False, False),
        (("Origin", "https://evil.example"), False, False),
        (("origin", "null"), False, False),
        (("Origin", ""), False, False),
        (("Origin", "http://127.0.0.1:80"), False, True),
        (("Origin", "http://127.0.0.1:81"), False, False),
        (("Origin", "http://localhost:80"), False, False),
        (("Origin", "https://127.0.0.1:80"), False, False),
    ],
)
def test_pages(header: tuple[str, str], of_programs: bool, of_its_page: bool) -> None:
    """No page reaches a server for programs; a server with a page takes what that page itself asks for."""
    for clients, taken in ((Clients.PROGRAMS, of_programs), (Clients.OWN_PAGE, of_its_page)):
        refused = refusal([OWN, header], clients, ADDRESS)
        assert taken is (refused is None)
        assert taken or (refused and refused.status is HTTPStatus.FORBIDDEN)


def test_both_marks() -> None:
    """One that is right does not make up for one that is wrong."""
    own, foreign = ("Origin", "http://127.0.0.1:80"), ("Origin", "https://evil.example")
    near, far = ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")
    assert refusal([OWN, own, near], Clients.OWN_PAGE, ADDRESS) is None
    for wrong in ([OWN, own, far], [OWN, foreign, near], [OWN, own, foreign], [OWN, near, far]):
        assert refusal(wrong, Clients.OWN_PAGE, ADDRESS) is not None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Host", "evil.example")],
        [OWN, ("host", "evil.example")],
        [("Host", "evil.example"), OWN],
    ],
)
def test_foreign_host(headers: list[tuple[str, str]]) -> None:
    """A name that is not of this machine is refused, beside one that is as well; the answer says what is
    right.
    """
    refused = refusal(headers, Clients.OWN_PAGE, ADDRESS)
    assert refused is not None
    assert HTTPStatus.MISDIRECTED_REQUEST is refused.status
    assert ADDRESS in refused.detail
