"""The page for users says what the data say."""

from providers_page import PAGE, page

from gateway.providers.registry import PROVIDERS


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run tests/unit/providers/providers_page.py"


def test_the_page_shows_every_provider_and_variable() -> None:
    shown = PAGE.read_text(encoding="utf-8")
    for provider in PROVIDERS.values():
        assert f"\n### {provider.name}\n" in shown
        for variable in provider.env:
            assert f"`{variable}`" in shown
