"""What gets lost between dialects is written down in docs/fidelity.md, with a reason each."""

import json

import fidelity
import fidelity_answers as answers
import fidelity_reasons as reasons
from fidelity_page import PAGE, TITLES, page, unnamed, untold
from speakers import SPEAKERS, without

PAIRS = [(caller, provider) for caller in TITLES for provider in TITLES if caller != provider]


def test_whatever_is_lost_has_a_reason_and_every_reason_is_needed() -> None:
    named = {name for pair in PAIRS for name in fidelity.of_request(*pair).named}
    silent = {(caller, path) for caller, provider in PAIRS for path in unnamed(caller, provider)}
    back = {(provider, path) for caller, provider in PAIRS for path in untold(provider, caller)}
    assert named == set(reasons.NAMED)
    assert all(name in fidelity.of_request(*pair).named for *pair, name in reasons.BETWEEN)
    assert silent == set(reasons.UNNAMED)
    assert back == set(answers.ANSWERS)


def test_the_page_says_what_is_lost() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run tests/unit/dialects/fidelity_page.py"


def test_what_says_everything_is_of_its_dialect() -> None:
    for name, speaker in SPEAKERS.items():
        request = fidelity.everything(name, "request.json")
        speaker.request(without({key: request[key] for key in request if key != "modelId"}, speaker.beside))
        speaker.reply(json.dumps(fidelity.everything(name, "reply.json")).encode())


def test_nothing_that_was_said_twice_is_dropped_between_a_dialect_and_itself() -> None:
    of_one = {name: fidelity.of_request(name, name).named for name in TITLES}
    live = (
        "contents.parts.inlineData.displayName",
        "contents.parts.videoMetadata",
        "contents.parts.functionResponse.scheduling",
    )
    assert of_one == {**dict.fromkeys(TITLES, ()), "gemini": live}
