"""Writes docs/fidelity.md from what the codecs do: run this file after a codec has changed."""

from collections import defaultdict
from pathlib import Path

import fidelity
import fidelity_answers as answers
import fidelity_reasons as reasons
from speakers import SPEAKERS

from gateway.dialects.dropped import spelled

PAGE = Path(__file__).parents[3] / "docs" / "fidelity.md"
TITLES = {
    "openai_chat": "OpenAI Chat",
    "openai_responses": "OpenAI Responses",
    "anthropic": "Anthropic",
    "gemini": "Gemini",
    "bedrock": "Bedrock",
    "cohere": "Cohere",
}
Callers = dict[tuple[str, str], list[str]]
"""By what is lost and why: the dialects that lose it."""
HEAD = """\
# What gets lost between dialects

A caller of any dialect reaches a provider of any other. What the provider has a place for, it gets. The rest of a
request is named in the response header `x-gateway-dropped` and in the record; with `strict: true` on a model, it is
refused with a 400 instead. Named but not refused is what any other provider would only ignore: what proves or seals
earlier thought to its own maker, and the sources of what a model said earlier. Between a caller and a provider of one
dialect the caller's bytes pass, and nothing is lost.

This page is made by `tests/unit/dialects/fidelity_page.py`: for each pair of dialects it translates a request and an
answer that say everything (`tests/golden/dialects/said/*/everything`), and takes them apart piece by piece. What is
lost because of the values of these two, and would not be with others, is listed too: a `service_tier` that the other
side does not have, or `top_p` beside `temperature`. Whole translations, to be read, are in `tests/golden/dialects`.

How many fields of a request that says everything are dropped, with their reasons behind the link, and how many pieces
of an answer that says everything have no place on the way back:

"""
REQUESTS = """
# Requests

Names are those of `x-gateway-dropped`: the caller's own words.
"""
SILENT = """
Left out without a name:

"""
ANSWERS = """
# Answers

What a provider may say in an answer that has no place in the caller's dialect. Text, refusals, tool calls, reasoning
with its proofs, finish reasons and the counts of tokens have one in every dialect; a refusal is text that ends with
`SAFETY` for callers of Gemini's and with `ERROR_TOXIC` for Cohere's. What an answer of the Responses API repeats of its
request is not listed.
"""


def page() -> str:
    """The whole page."""
    return "".join([HEAD, _overview(), REQUESTS, *map(_requests, TITLES), ANSWERS, *map(_answers, TITLES)])


def unnamed(caller: str, provider: str) -> list[str]:
    """The paths of a request that are lost without a name, though they say something."""
    nothing = reasons.SAYS_NOTHING[caller]
    return [path for path in fidelity.of_request(caller, provider).unnamed if path not in nothing]


def untold(provider: str, caller: str) -> list[str]:
    """The paths of an answer that are lost, though they say something."""
    nothing = answers.SAYS_NOTHING[provider]
    if provider == "openai_responses":
        nothing |= answers.ECHOES
    return [path for path in fidelity.of_reply(provider, caller) if path not in nothing]


def _overview() -> str:
    rows = ["| caller | " + " | ".join(f"to {title}" for title in TITLES.values()) + " |\n"]
    rows.append("| --- " * (len(TITLES) + 1) + "|\n")
    for caller, title in TITLES.items():
        cells = [_cell(caller, provider) for provider in TITLES]
        rows.append(f"| {title} | " + " | ".join(cells) + " |\n")
    return "".join(rows)


def _cell(caller: str, provider: str) -> str:
    if caller == provider:
        return "bytes pass"
    dropped = len(fidelity.of_request(caller, provider).named) + len(unnamed(caller, provider))
    back = len(untold(provider, caller))
    return f"[{dropped}](#requests-to-{_anchor(provider)}), back [{back}](#answers-to-{_anchor(caller)})"


def _anchor(dialect: str) -> str:
    return TITLES[dialect].lower().replace(" ", "-")


def _requests(provider: str) -> str:
    named: Callers = defaultdict(list)
    silent: Callers = defaultdict(list)
    for caller in _others(provider):
        for name in fidelity.of_request(caller, provider).named:
            reason = reasons.BETWEEN.get((caller, provider, name), reasons.NAMED[name])
            named[spelled([name], caller)[0], reason].append(TITLES[caller])
        for path in unnamed(caller, provider):
            silent[path, reasons.UNNAMED[caller, path]].append(TITLES[caller])
    text = f"\n## Requests to {TITLES[provider]}\n\n" + _table("dropped", named)
    return text + (SILENT + _table("field", silent) if silent else "")


def _answers(caller: str) -> str:
    lost: Callers = defaultdict(list)
    for provider in _others(caller):
        for path in untold(provider, caller):
            lost[path, answers.ANSWERS[provider, path]].append(TITLES[provider])
    return f"\n## Answers to {TITLES[caller]}\n\n" + _table("no place", lost, "providers")


def _table(what: str, found: Callers, who: str = "callers") -> str:
    """One row for all that is lost for one reason by the same dialects; by dialect."""
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (name, reason), dialects in sorted(found.items()):
        rows[", ".join(dialects), reason].append(f"`{name}`")
    text = f"| {who} | {what} | why |\n| --- | --- | --- |\n"
    for (dialects, reason), names in sorted(rows.items(), key=str):
        text += f"| {dialects} | {', '.join(names)} | {reason[0].upper()}{reason[1:]} |\n"
    return text


def _others(dialect: str) -> list[str]:
    return [name for name in SPEAKERS if name != dialect]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
