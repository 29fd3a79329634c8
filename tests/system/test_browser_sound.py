"""What the wall lets be heard, counted at the browser's own audio: a rhythm for each priority, again until taken."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from browsing import opened
from playwright.sync_api import Browser, Page, expect
from pretended import SIX, WALL, Pretended, agents, alert, points, pretended

PATIENT_MS = 60_000
HEAR = """(() => {
  const real = Date.now.bind(Date);
  window.later = 0; // seconds this page's clock is ahead
  Date.now = () => real() + 1000 * window.later;
  window.tones = [];
  const level = () => ({ setValueAtTime() {}, linearRampToValueAtTime() {} });
  const node = (more) => ({ connect: (to) => to, ...more });
  window.AudioContext = class {
    state = "suspended";
    currentTime = 0;
    destination = node({});
    async resume() { this.state = "running"; }
    createGain() { return node({ gain: level() }); }
    createOscillator() {
      const tone = node({ frequency: { value: 0 }, start: () => window.tones.push(tone.frequency.value), stop() {} });
      return tone;
    }
  };
})()"""
BEATS = """n => new Promise((done) => {
  let left = n;
  const clock = new Worker("/static/clock-worker.js");
  clock.onmessage = () => { left -= 1; if (left === 0) { clock.terminate(); done(); } };
})"""
URGENT, IMPORTANT, NOTICE = [740, 880, 1040, 740, 880, 1040], [620, 620], [440]


@pytest.fixture(scope="module")
def running() -> Generator[Pretended]:
    with pretended() as server:
        yield server


@pytest.fixture
def wall(browser: Browser, running: Pretended) -> Generator[Page]:
    """A wall with nothing on it, its sound tried out, its audio and its clock in our hands."""
    running.tell(clear=True, points=points(), agents=agents(), refuse=None, wall=WALL)
    with opened(browser, "about:blank") as page:
        page.add_init_script(HEAR)
        page.goto(running.url)
        expect(page.locator("#calm")).to_be_visible(timeout=PATIENT_MS)
        page.click("#sound")
        assert heard(page, 6) == URGENT  # 试听
        yield page


def heard(page: Page, count: int) -> list[int]:
    """Wait for so many tones, then a few of the page's beats for any more; give them and forget them."""
    page.wait_for_function("n => window.tones.length >= n", arg=count, timeout=PATIENT_MS)
    page.evaluate(BEATS, 2)
    tones: list[int] = page.evaluate("window.tones.splice(0)")
    return tones


def later(page: Page, seconds: int) -> None:
    page.evaluate("s => { window.later += s; }", seconds)


@pytest.mark.parametrize(
    ("severity", "kind", "rhythm"),
    [
        ("critical", "smoke", URGENT),
        ("warning", "fire-door", IMPORTANT),
        ("advisory", "water-level", NOTICE),
        ("fault", "fault", NOTICE),
    ],
)
def test_each_priority_has_its_own_rhythm(
    wall: Page, running: Pretended, severity: str, kind: str, rhythm: list[int]
) -> None:
    running.tell(changes=[alert(1, severity, kind)])
    assert heard(wall, len(rhythm)) == rhythm


def test_an_urgent_alarm_sounds_again_every_twenty_seconds_until_a_person_takes_it(
    wall: Page, running: Pretended
) -> None:
    running.tell(changes=[alert(1), alert(2, "warning", "door")])
    assert sorted(heard(wall, 8)) == sorted([*URGENT, *IMPORTANT])
    later(wall, 12)
    assert heard(wall, 0) == []
    for _ in range(3):
        later(wall, 20)
        assert heard(wall, 6) == URGENT
    wall.click("article.card.critical .ack")
    expect(wall.locator("article.card.critical")).to_have_attribute("data-state", "active-acked", timeout=PATIENT_MS)
    later(wall, 120)
    assert heard(wall, 0) == [], "what is only important does not come again"


@pytest.mark.parametrize(
    ("changes", "rhythm"),
    [
        pytest.param([alert(1, hazard=7), alert(2, hazard=7)], URGENT, id="two sensors of one incident sound once"),
        pytest.param([alert(1, hazard=7), alert(2, hazard=8)], URGENT * 2, id="two incidents sound twice"),
        pytest.param([alert(1, late=True)], [], id="what happened long ago does not sound"),
        pytest.param([SIX[3]], [], id="what somebody has taken does not sound"),
        pytest.param([alert(1, "warning", "door", shelved_until="2099-01-01T00:00:00Z")], [], id="nor what is shelved"),
    ],
)
def test_only_what_is_new_and_wants_a_person_is_heard(
    wall: Page, running: Pretended, changes: list[list[object]], rhythm: list[int]
) -> None:
    running.tell(changes=changes)
    wall.wait_for_function("n => document.querySelectorAll('article.card, #shelf li').length === n", arg=len(changes))
    assert heard(wall, len(rhythm)) == rhythm


def test_a_door_held_open_in_a_drill_is_a_silent_card_and_sounds_when_it_is_real(
    wall: Page, running: Pretended
) -> None:
    running.tell(changes=[alert(1, "warning", "fire-door", drill=True)])
    expect(wall.locator("article.card.drill .tags")).to_contain_text("演练", timeout=PATIENT_MS)
    assert heard(wall, 0) == []
    running.tell(changes=[alert(1, "warning", "fire-door")])
    assert heard(wall, 2) == IMPORTANT
    running.tell(changes=[alert(2, "critical", "fire", drill=True)])
    assert heard(wall, 6) == URGENT, "a fire in a drill is heard as any"


def test_a_page_whose_sound_was_never_tried_says_so_and_is_silent(browser: Browser, running: Pretended) -> None:
    running.tell(clear=True, points=points(), agents=agents(), refuse=None, wall=WALL)
    with opened(browser, "about:blank") as page:
        page.add_init_script(HEAR)
        page.goto(running.url)
        expect(page.locator("#calm")).to_be_visible(timeout=PATIENT_MS)
        running.tell(changes=[alert(1)])
        expect(page.locator("article.card")).to_have_count(1, timeout=PATIENT_MS)
        expect(page.locator("#sound-state")).to_have_text("声音未开启")
        assert heard(page, 0) == []
