"""The owner's name, colour and logo on the page."""

from __future__ import annotations

import base64
import re

import pytest

from adapters.settings.functions import UsageApiSettings
from local_cloud.template.document import Stack, load_template
from metering.errors import Misconfigured
from usage_api.brand import DARK_GROUND, LEAST_CONTRAST, LIGHT_GROUND, STYLE, Brand, contrast, readable
from usage_api.static_files import FOLDER, load

SVG = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><circle cx='4' cy='4' r='4'/></svg>"
LOGO = f"data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()}"
PNG = f"data:image/png;base64,{base64.b64encode(bytes.fromhex('89504e470d0a1a0a') + bytes(30)).decode()}"
COLOURS = ["#000000", "#ffffff", "#ffff00", "#e4002b", "#003366", "#808080", "#00ff00", "#1558c0"]


class TestPage:
    def test_nothing_set(self) -> None:
        """Without settings the page's files are exactly those of the folder."""
        page = load()
        assert page is Brand().applied(page)

    def test_name(self) -> None:
        """The name is in the title and at the top, as text."""
        page = Brand(name="A & <b>").applied(load())
        index = str(page.index.content)
        assert "<title>A &amp; &lt;b&gt;</title>" in index
        assert "<span>A &amp; &lt;b&gt;</span>" in index
        assert "Usage meter" not in index
        assert ("A & <b>", load().assets) == (page.name, page.assets)

    def test_logo(self) -> None:
        """The logo is an image, at the top and as the icon; nothing else of the page changes."""
        index = str(Brand(logo=LOGO).applied(load()).index.content)
        assert 1 == index.count(f'<img src="{LOGO}" alt="" height="26">')
        assert 1 == index.count(f'<link rel="icon" href="{LOGO}">')
        assert "brand-box" not in index
        assert 2 == index.count(LOGO)
        before = str(load().index.content)
        assert before.partition("<span>Usage meter")[2] == index.partition("<span>Usage meter")[2]

    def test_colour(self) -> None:
        """The colour is in the style sheet and the icon, which a browser then takes for new ones."""
        before, page = load(), Brand(colour="#e4002b").applied(load())
        assert "--accent: light-dark(#" in str(page.assets[STYLE].content).removeprefix(
            str(before.assets[STYLE].content)
        )
        assert before.assets[STYLE].etag != page.assets[STYLE].etag
        assert "%231f6feb" not in str(page.index.content)

    @pytest.mark.parametrize("colour", COLOURS)
    def test_contrast(self, colour: str) -> None:
        """Whatever the colour, it can be read on every ground of either theme; one that can be is kept."""
        for ground in (LIGHT_GROUND, DARK_GROUND):
            shown = readable(colour, ground)
            assert contrast(shown, ground) >= LEAST_CONTRAST
            assert (shown == colour) == (contrast(colour, ground) >= LEAST_CONTRAST)

    def test_grounds(self) -> None:
        """Those of the style sheet: no other has less contrast with a link."""
        style = (FOLDER / STYLE).read_text()
        names = ("ground", "card", "sunken", "warn-ground", "bad-ground")
        pairs = [re.findall(rf"--{name}: light-dark\((#\w+), (#\w+)\)", style)[0] for name in names]
        assert LIGHT_GROUND == min((light for light, _ in pairs), key=lambda one: contrast(one, "#000000"))
        assert DARK_GROUND == min((dark for _, dark in pairs), key=lambda one: contrast(one, "#ffffff"))
        (ink,) = re.findall(r"--accent-ink: light-dark\(#ffffff, (#\w+)\)", style)
        for colour in COLOURS:
            assert contrast(readable(colour, LIGHT_GROUND), "#ffffff") >= LEAST_CONTRAST
            assert contrast(readable(colour, DARK_GROUND), ink) >= LEAST_CONTRAST

    def test_known_contrasts(self) -> None:
        """As WCAG has them."""
        assert 21.0 == pytest.approx(contrast("#000000", "#ffffff"))
        assert 4.54 == pytest.approx(contrast("#767676", "#ffffff"), abs=0.01)


class TestSettings:
    @pytest.mark.parametrize("logo", [LOGO, PNG])
    def test_template(self, logo: str) -> None:
        """What the parameters say gets to the function; without them it is nothing."""
        stack = Stack({"PageName": "Böhm & Söhne", "PageColour": "#E4002b", "PageLogo": logo})
        settings = UsageApiSettings.from_environment(stack.environment("UsageApiFunction"))
        assert ("Böhm & Söhne", "#E4002b", logo) == (
            settings.page_name,
            settings.page_colour,
            settings.page_logo,
        )
        plain = UsageApiSettings.from_environment(Stack().environment("UsageApiFunction"))
        assert ("", "", "") == (plain.page_name, plain.page_colour, plain.page_logo)

    @pytest.mark.parametrize(
        ("name", "text", "sentence"),
        [
            ("PAGE_NAME", "n" * 61, "PAGE_NAME: 61 characters are given; 60 are possible"),
            ("PAGE_NAME", "a\u202eb", "has characters that cannot be seen, or a space at an end"),
            ("PAGE_NAME", " a", "has characters that cannot be seen, or a space at an end"),
            ("PAGE_COLOUR", "red", "PAGE_COLOUR: 'red' is not a colour such as #1558c0"),
            ("PAGE_COLOUR", "#fff", "PAGE_COLOUR: '#fff' is not a colour such as #1558c0"),
            ("PAGE_COLOUR", "#1558c0;", "is not a colour such as #1558c0"),
            (
                "PAGE_LOGO",
                "https://a.example/logo.png",
                "is not the beginning of a picture as data:image/png",
            ),
            ("PAGE_LOGO", 'data:image/png;base64,AAAA" onload="x', "is not the beginning of a picture"),
            ("PAGE_LOGO", "data:text/html;base64,PGI+", "is not the beginning of a picture"),
            (
                "PAGE_LOGO",
                "data:image/png;base64,PHN2Zz4=",
                "the data is not a picture of the type image/png",
            ),
            ("PAGE_LOGO", "data:image/svg+xml;base64,AAAA", "is not a picture of the type image/svg+xml"),
            ("PAGE_LOGO", "data:image/svg+xml;base64,AAA", "what follows base64, is not base64"),
            ("PAGE_LOGO", LOGO + "A" * 1800, "1800 are possible: make it smaller"),
        ],
    )
    def test_refused(self, name: str, text: str, sentence: str) -> None:
        """A value that cannot be shown is refused at the start, with a sentence that names it."""
        with pytest.raises(Misconfigured, match=re.escape(sentence)):
            UsageApiSettings.from_environment({"COUNTERS_TABLE": "counters", name: text})

    def test_fit(self) -> None:
        """The longest values that the template takes fit into what Lambda has for variables: 4 kB."""
        longest = {
            "PageName": "ß" * 60,
            "PageColour": "#ffffff",
            "PageLogo": f"data:image/png;base64,iVBORw0KGgo{'A' * (1800 - 33)}",
            "FrameAncestors": ",".join(f"https://{'a' * 60}.{'b' * 20}.example" for _ in range(10)),
        }
        parameters = load_template()["Parameters"]
        for name, value in longest.items():
            assert re.search(parameters[name]["AllowedPattern"], value), name
        variables = Stack(longest).environment("UsageApiFunction")
        assert sum(len(name) + len(value.encode()) for name, value in variables.items()) < 4096
