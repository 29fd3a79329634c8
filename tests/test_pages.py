"""Every text exists in both languages, every key a page asks for exists, and the first load of the wall is light."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.vocabulary import Hazard, SensorKind, Severity
from server.pages import catalogue
from server.pages.rooms import HERE, _inside

KEY = re.compile(r"""\bt\(\s*['"]([a-z][\w.-]*[\w])['"]""")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
TEXTS = catalogue.read_all()


def sources() -> list[Path]:
    return [*HERE.glob("templates/*.html"), *HERE.rglob("static/**/*.js")]


def test_both_languages_have_the_same_texts_and_placeholders() -> None:
    chinese, english = (TEXTS[language].texts for language in catalogue.LANGUAGES)
    assert chinese.keys() == english.keys()
    for key, text in chinese.items():
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(english[key])), key


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_every_text_a_page_asks_for_exists(path: Path) -> None:
    asked = set(KEY.findall(path.read_text(encoding="utf-8")))
    assert asked <= TEXTS["zh-CN"].texts.keys()


def test_every_hazard_severity_and_sensor_has_its_words() -> None:
    wanted = {f"{group}.{hazard}" for hazard in Hazard for group in ("kind", "do")}
    wanted |= {f"severity.{severity}" for severity in Severity} | {f"sensor.{kind}" for kind in SensorKind}
    assert wanted <= TEXTS["zh-CN"].texts.keys()


@pytest.mark.parametrize("path", sorted(HERE.glob("templates/*.html")), ids=lambda path: path.name)
def test_no_template_has_an_inline_script_or_style(path: Path) -> None:
    html = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", html)
    assert all("src=" in tag or 'type="application/json"' in tag for tag in re.findall(r"<script[^>]*>", html))


def test_the_first_load_of_the_wall_is_under_200_kb() -> None:
    static = sum(path.stat().st_size for path in HERE.glob("static/*") if path.is_file())
    texts = (catalogue.FOLDER / "zh-CN.json").stat().st_size
    assert static + texts + 20_000 < 200_000


@pytest.mark.parametrize(
    ("wish", "language"),
    [
        pytest.param((None, None), "zh-CN", id="nothing asked: Chinese, whatever the browser's own language"),
        pytest.param(("en", "zh-CN"), "en", id="the address wins"),
        pytest.param((None, "en"), "en", id="remembered"),
        pytest.param(("xx", "fr"), "zh-CN", id="unknown: Chinese"),
    ],
)
def test_the_language_is_chosen(wish: tuple[str | None, str | None], language: str) -> None:
    assert catalogue.choose(*wish) == language


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example", "/\\evil", "/login?next=/", None, ""])
def test_a_login_leads_only_into_this_server(target: str | None) -> None:
    assert _inside(target) == "/"


def test_a_login_leads_back_to_where_it_was_asked() -> None:
    assert _inside("/points?q=烟感") == "/points?q=烟感"


def test_the_audit_says_every_action_in_words() -> None:
    noted = re.compile(r"""\b(?:note|viewed)\([^"\n]*"([a-z][a-z -]*)\"""")
    actions = {one for path in HERE.parent.rglob("*.py") for one in noted.findall(path.read_text(encoding="utf-8"))}
    assert len(actions) > 30
    assert {one for one in actions if f"audited.{one}" not in TEXTS["zh-CN"].texts} == set()
