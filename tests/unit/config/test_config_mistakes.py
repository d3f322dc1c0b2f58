"""Every mistake is named with file, line, path and a hint, and all of them at once."""

import os
from pathlib import Path

import pytest
from vendors_for_tests import KNOWN

from gateway.config import ConfigError, load

pytestmark = pytest.mark.usefixtures("nothing_stored")

GOLDEN = Path(__file__).parents[2] / "golden" / "config"


def mistakes(text: str, tmp_path: Path, **env: str) -> list[str]:
    file = tmp_path / "gateway.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, env, known=KNOWN)
    return [str(problem).replace(str(file), "gateway.yaml") for problem in caught.value.problems]


def test_all_mistakes_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    """GOLDEN_UPDATE=1 writes the expected text anew, to be read before it is kept."""
    found = "\n".join(mistakes((GOLDEN / "mistakes.yaml").read_text(encoding="utf-8"), tmp_path)) + "\n"
    expected = GOLDEN / "mistakes.txt"
    if os.environ.get("GOLDEN_UPDATE"):
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server: [1, 2\n", "that begins on line 1, did not find expected ',' or ']'"),
        ("auth: {keys: [${KEY}]}", 'put quotes around references inside [ ] and { }: "${NAME}"'),
        ("server:\n\tport: 1", "gateway.yaml:2: not valid YAML"),
        ("server:\n\tport: 1", "indent with spaces, not with tabs"),
        ("a: @x", "put quotes around the value"),
        ("a: *nothing", "found undefined alias"),
        ("server: {}\n---\nserver: {}", "gateway.yaml:2: not valid YAML"),
        ("- a", "gateway.yaml:1: must be a mapping of settings, not a list"),
        ("just text", "gateway.yaml:1: must be a mapping of settings, not text"),
        ("a: b\x07", "gateway.yaml:1: holds a control character"),
        ("? [a]\n: b", "gateway.yaml:1: a key must be plain text"),
        ("server: {<<: {port: 1}}", "YAML merge keys are not supported"),
        ("server: {port: 1, port: 2}", "server.port: given twice; it is already on line 1; keep one"),
        ("server: {port: 70000}", "server.port: must be a whole number from 1 to 65535"),
        (
            "server: {port: '80'}",
            "server.port: must be a whole number from 1 to 65535, not text; write it without",
        ),
        ("server: {port: 8081}", "server.port: port and admin_port are both 8081; give each its own"),
        ("server: {host: 'http://x'}", "server.host: must be an IP address or a host name"),
        ("server: {host: 1.2.3}", "server.host: must be an IP address or a host name"),
        ("server: {host: true}", "server.host: must be text, not true or false; put quotes around it"),
        ("server: {allow_insecure: 1}", "server.allow_insecure: must be true or false, not a number"),
        (
            "server: {trusted_proxies: [10.0.0.1/8]}",
            "server.trusted_proxies[0]: must be an address or a network",
        ),
        ("server: {trusted_proxies: [0.0.0.0/0]}", "server.trusted_proxies[0]: is everybody"),
        ("server: {drain: 2h}", "server.drain: must be from 0s to 1h"),
        ("auth: {keys: one}", 'auth.keys: must be a list, not text; such as ["${GATEWAY_KEY}"]'),
        ("auth: {keys: [{}]}", "auth.keys[0]: must be text, not a mapping"),
        ("auth: {keys: ['']}", "auth.keys[0]: is empty"),
        (
            "keys: {a: {value: b, endpoints: [embeddings, embedings]}}",
            "keys.a.endpoints[1]: embedings is no endpoint; did you mean embeddings?",
        ),
        ("keys: {a: {value: b, endpoints: [qq]}}", "is no endpoint; there are chat_completions, completions"),
        (
            "keys: {a: {value: b, forced: {max_tokens: x}}}",
            "keys.a.forced.max_tokens: must be a whole number of at least 1; such as 500",
        ),
        (
            "keys: {a: {value: b, defaults: {temperature: '0'}}}",
            "keys.a.defaults.temperature: must be a number",
        ),
        ("keys: {a: {value: b, forced: {stop: [1]}}}", "a text, or a list of texts"),
        ("limits: {max_body: 2TB}", "limits.max_body: must be a size"),
        ("limits: {max_body: 1.5}", "limits.max_body: must be a size"),
        ("retries: {max: 11}", "retries.max: must be a whole number from 0 to 10"),
        (
            "providers: {x: {type: openai, url: 'http://a'}}",
            "providers.x.url: unknown key; did you mean base_url?",
        ),
        ("providers: {openai: {api_key: a}}", "providers.openai.api_key: unknown key; did you mean keys?"),
        ("providers: {openai: sk-abc}", "providers.openai: must be a mapping of settings, not text"),
        ("providers: {openai: {}}", "providers.openai: has no key; export OPENAI_API_KEY=…"),
        ("providers: {eu: {type: openai}}", 'providers.eu: has no key; write keys: ["${OPENAI_API_KEY}"]'),
        (
            "providers: {eu: {type: openai, base_url: 'https://api.openai.example/v2'}}",
            'providers.eu: has no key; write keys: ["${OPENAI_API_KEY}"]',
        ),
        ("providers: {azure: {keys: [a]}}", "providers.azure: base_url is missing"),
        ("providers: {openai: {keys: [a], region: eu}}", "providers.openai.region: unknown key"),
        (
            "providers: {openai: {keys: [a], headers: {authorization: b}}}",
            "a header that the gateway sets itself",
        ),
        (
            "providers: {openai: {keys: [a], headers: {Content-Length: 1}}}",
            "a header that the gateway sets itself",
        ),
        ("providers: {openai: {keys: [a], headers: {x: é}}}", "a character that a header cannot have"),
        ("providers: {openai: {keys: [a], ca_file: no.pem}}", "providers.openai.ca_file: no such file"),
        (
            "providers: {a: {type: openai, base_url: 'http://127.0.0.1:8080'}}",
            "is this gateway's own address",
        ),
        (
            "server: {host: 0.0.0.0}",
            "gateway.yaml:1: server.host: without caller keys the gateway only listens",
        ),
        (
            "server: {trusted_proxies: [127.0.0.1]}",
            "gateway.yaml:1: server.trusted_proxies: without caller keys the gateway only listens",
        ),
        (
            "models: {a: {targets: [x/y]}}",
            "names a provider that is not configured; no provider is configured",
        ),
    ],
)
def test_a_mistake_is_named(text: str, expected: str, tmp_path: Path) -> None:
    found = mistakes(text, tmp_path)
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(
    "url",
    [
        "api.openai.com/v1",
        "ftp://a.b/c",
        "http://",
        "http:///v1",
        "http://a:99999/",
        "http://a:b/",
        "http://a b/",
        "http://user@a/",
        "http://user:pass@a/",
        "http://a/v1?key=x",
        "http://a/v1#x",
        "http://a/v1?",
        "http://é/",
        "http://a\\@b/",
        "http://[::1/",
        "http://a/{x}",
        "http://-a/",
    ],
)
def test_a_base_url_that_is_more_or_less_than_an_address_is_refused(url: str, tmp_path: Path) -> None:
    found = mistakes(f"providers: {{a: {{type: openai, base_url: '{url}'}}}}", tmp_path)
    assert len(found) == 1
    assert "providers.a.base_url: " in found[0]
    assert not url[8:] or url not in found[0]


def test_an_unset_variable_is_named_with_its_path(tmp_path: Path) -> None:
    found = mistakes(
        'server: {host: "${HOST}"}\nproviders: {openai: {keys: ["${OPENAI_API_KEY}"]}}', tmp_path
    )
    assert found == [
        "gateway.yaml:1: server.host: the variable HOST is not set; export HOST=…, or give a default: ${HOST:-…}",
        "gateway.yaml:2: providers.openai.keys[0]: the variable OPENAI_API_KEY is not set; "
        "export OPENAI_API_KEY=…, or remove openai from the providers",
    ]


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"{b}: &{b} [{', '.join(['*' + a] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    assert mistakes("\n".join(rows), tmp_path)[0].endswith(
        "too many values; do aliases (*name) repeat each other?"
    )


@pytest.mark.parametrize("text", ["[" * 100_000, "a: &a {b: *a}", "{a: " * 5000, "- " * 40 + "x"])
def test_depth_is_bounded(text: str, tmp_path: Path) -> None:
    assert "nested too deeply" in mistakes(text, tmp_path)[0]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, message in [
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "is a directory"),
        (Path("a\0b"), "is no usable path"),
    ]:
        with pytest.raises(ConfigError, match=message):
            load(path, {}, known=KNOWN)


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_bytes("log: {}\nproviders: {}  # clé".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"gateway\.yaml:2: is not UTF-8"):
        load(file, {}, known=KNOWN)


def test_an_oversized_file_is_refused(tmp_path: Path) -> None:
    assert "is larger than 1MiB" in mistakes("# " + "x" * (1 << 20), tmp_path)[0]


def test_problems_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = mistakes("log: {a: 1}\nserver: {b: 1}\nauth: {c: 1}\nlimits: {d: 1}", tmp_path)
    assert [line.split(":")[1] for line in found] == ["1", "2", "3", "4"]
