from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.config import load
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.templates import template
from tests.unit.config.good import ENV, Load, changed

OWN = (
    "alerts: {templates: {hedge_opened: {title: '{asset} on', text: '{text} ({{{decision}}})'}}}\n"
)


def test_words_of_ones_own_are_read_by_kind(loaded: Load) -> None:
    written = OWN.replace("{decision}", "{qty}") + "store: "
    own = loaded(("store: ", written)).alerts.templates
    assert own["hedge_opened"].title == template("{asset} on")
    assert own["hedge_opened"].text == template("{text} ({{{qty}}})")
    assert loaded().alerts.templates == {}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{hedge_open: {title: x}}",
         "hedge_open: expected a kind of alert (did you mean 'hedge_opened'?), was 'hedge_open'"),
        ("{zzz: {title: x}}", "zzz: expected a kind of alert (one of approval, "),
        ("{venue: {}}", "venue: expected a title, a text, or both"),
        ("{venue: {title: 'at {venues}'}}",
         "venue.title: expected values that venue has, was {venues}; did you mean {venue}?"),
        ("{venue: {text: '{asset}'}}",
         "venue.text: expected values that venue has, was {asset}; there are text, title, "),
        ("{venue: {text: '{venue.x}'}}", "venue.text: expected {name} with a plain name in it, and {{ or }}"),
        ("{venue: {text: '{venue:>99}'}}", "venue.text: expected {name} with a plain name in it, and {{"),
        ("{venue: {titel: x}}", "venue.titel: expected a known key (did you mean 'title'?)"),
        ("{venue: {title: ' '}}", "venue.title: expected a text of at most 2000 characters"),
        ("[venue]", "templates: expected a mapping"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_the_nearest_that_does(
    tmp_path: Path, written: str, told: str
) -> None:
    (tmp_path / "secret").write_text("fake-secret-of-a-test")
    file = tmp_path / "c.yaml"
    file.write_text(changed(("store: ", f"alerts: {{templates: {written}}}\nstore: ")))
    with pytest.raises(ConfigError) as caught:
        load(file, ENV)
    (problem,) = caught.value.problems
    assert "alerts.templates" in problem
    assert told in problem
