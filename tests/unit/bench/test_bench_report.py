"""The bench's conclusions: added latency, ratios, goals; the document, the tables, the picture; its command line."""

import io
import os

import msgspec
import pytest
from rich.console import Console

from bench.__main__ import _order, _parser
from bench.cores import layout
from bench.demo import has_provider, mock_environment
from bench.load.histogram import Spread
from bench.measure import Busy, Run, Settings, Subject, limited_by
from bench.peers.spec import PeerError, parse_peer
from bench.report.chart import draw
from bench.report.document import Document, document
from bench.report.terminal import Screen, print_document
from bench.scenarios import BY_NAME, Server
from bench.servers import gateway_config
from bench.soak import Sample, verdict
from bench.suite import Step


def spread(base: float) -> Spread:
    return Spread(1000, base, base * 1.2, base * 2, base * 4, base * 9, base * 1.1)


def make_run(server: str, pressure: str, **changes: object) -> Run:
    fields: dict[str, object] = {
        "scenario": "unary",
        "cores": 1,
        "seconds": 1.0,
        "requests": 1000,
        "errors": 0,
        "problems": {},
        "rate": 1000.0,
        "chunk_rate": 0.0,
        "reads_per_chunk": 0.0,
        "latency": spread(100.0),
        "first": None,
        "chunk": None,
        "lag": None,
        "cpu_us": 50.0,
        "cpu_us_per_chunk": 0.0,
        "rss": 50 * 2**20,
        "largest_rss": 40 * 2**20,
        "busy": Busy(1.0, 0.2, 0.3),
        "limited_by": "subject" if pressure == "peak" else "",
    }
    return Run(server=server, pressure=pressure, **{**fields, **changes})


RUNS = [
    make_run("direct", "rate"),
    make_run("gateway", "rate", latency=spread(250.0)),
    make_run("nginx", "rate", latency=spread(150.0)),
    make_run("direct", "peak", rate=100_000.0),
    make_run("gateway", "peak", rate=16_000.0),
    make_run("gateway", "peak", rate=30_000.0, cores=2),
    make_run("nginx", "peak", rate=64_000.0, cpu_us=12.5),
    make_run("litellm", "peak", rate=200.0, cpu_us=4000.0),
    make_run("direct", "peak", scenario="stream", chunk_rate=300_000.0),
    make_run("gateway", "peak", scenario="stream", chunk_rate=60_000.0, first=spread(300.0)),
    make_run(
        "gateway", "peak", scenario="flow", chunk_rate=64_000.0, reads_per_chunk=0.9, chunk=spread(80.0)
    ),
    *(make_run("gateway", "peak", scenario="named", rate=rate) for rate in (1_000.0, 16_000.0, 40_000.0)),
    *(make_run("gateway", "peak", scenario="route", rate=rate) for rate in (1_000.0, 15_500.0, 40_000.0)),
    make_run("gateway", "peak", scenario="faults", rate=4_000.0),
]


@pytest.fixture
def found() -> Document:
    return document("now", Settings(), RUNS, ["a note"])


def test_added_latency_is_the_difference_per_percentile(found):
    added = {entry.server: entry.latency for entry in found.added}
    assert set(added) == {"gateway", "nginx"}
    assert (added["gateway"].p50, added["gateway"].p99, added["gateway"].p999) == (150.0, 300.0, 600.0)


def test_rates_are_per_core_and_compared_per_core(found):
    peaks = {(peak.scenario, peak.server, peak.cores): peak for peak in found.peaks}
    assert peaks["unary", "gateway", 2].rate_per_core == 15_000.0
    assert peaks["unary", "gateway", 1].to_nginx == 0.25
    assert peaks["unary", "nginx", 1].to_nginx is None
    assert peaks["stream", "gateway", 1].chunk_rate_per_core == 60_000.0
    assert {(ratio.peer, ratio.by_rate) for ratio in found.ratios} == {("nginx", 0.25), ("litellm", 80.0)}


def test_goals_are_met_missed_or_not_measured(found):
    assert [goal.met for goal in found.goals] == [True] * 6
    slow = [run for run in RUNS if run.server != "litellm" and run.scenario != "flow"]
    slow = [msgspec.structs.replace(r, latency=spread(2000.0)) if r is RUNS[1] else r for r in slow]
    slow = [msgspec.structs.replace(r, rate=15_000.0) if r.scenario == "route" else r for r in slow]
    slow = [run for run in slow if run.scenario != "faults"]
    judged = [goal.met for goal in document("now", Settings(), slow, []).goals]
    assert judged == [True, None, None, False, False, None]


def test_wrong_answers_break_a_goal_and_earn_no_ratio():
    wrong = [msgspec.structs.replace(run, errors=1) if run.server == "gateway" else run for run in RUNS]
    found = document("now", Settings(), wrong, [])
    assert [goal.met for goal in found.goals] == [False, False, False, False, None, False]
    assert found.ratios == []
    assert len(found.notes) == 12


def test_a_peer_that_fails_quickly_is_not_called_slow():
    failing = make_run("portkey", "peak", scenario="stream", requests=0, rate=0.0, errors=900)
    found = document("now", Settings(), [*RUNS, failing], [])
    assert all(ratio.peer != "portkey" for ratio in found.ratios)
    assert any("portkey" in note for note in found.notes)


def test_a_ratio_is_judged_by_the_smaller_of_rate_and_cpu_time():
    # Others took nginx's core away: its rate is halved, the CPU time that it needs is not.
    disturbed = [msgspec.structs.replace(r, cpu_us=7.0) if r.server == "nginx" else r for r in RUNS]
    found = document("now", Settings(), disturbed, [])
    ratio = next(ratio for ratio in found.ratios if ratio.peer == "nginx")
    assert (ratio.by_rate, ratio.by_cpu, ratio.value) == (0.25, 0.14, 0.14)
    assert found.goals[0].met is False


def test_the_document_survives_json_and_has_a_schema(found):
    data = msgspec.json.encode(found)
    assert msgspec.json.decode(data, type=Document) == found
    schema = msgspec.json.schema(Document)
    required = set(schema["$defs"]["Run"]["required"])
    assert {"rate", "latency", "cpu_us", "rss", "errors", "limited_by"} <= required


def test_the_tables_show_what_was_found(found):
    screen = io.StringIO()
    print_document(found, Console(file=screen, width=140))
    text = screen.getvalue()
    for part in ("0.25", "15,000", "80.00 ×", "57,600 deliveries/s", "60,000", "a note", "Goals"):
        assert part in text


def test_progress_off_a_terminal_is_one_line_a_measurement():
    out = io.StringIO()
    subject = Subject(Server("gateway", "gateway", "h", 1), None)
    step = Step(BY_NAME["unary"], subject, "peak")
    with Screen(Console(file=out, width=140)) as screen:
        screen.steps([step])
        screen.begins(step)
        screen.done(step, RUNS[4])
        screen.note("few cores")
    assert "unary · peak · gateway on 1: 16,000/s" in out.getvalue()
    assert screen.notes == ["few cores"]


@pytest.mark.parametrize("runs", [RUNS, RUNS[:1], []])
def test_the_picture_is_drawn_whatever_was_measured(tmp_path, runs):
    draw(document("now", Settings(), runs, []), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_the_bottleneck_is_named_only_at_peak():
    assert limited_by("rate", Busy(1.0, 1.0, 1.0)) == ""
    assert limited_by("peak", Busy(0.95, 0.2, 0.5)) == "subject"
    assert limited_by("peak", Busy(0.95, 1.0, 0.5)) == "subject+mock"
    assert limited_by("peak", Busy(0.5, 0.2, 0.99)) == "load"
    assert limited_by("peak", Busy(0.5, 0.97, 0.3)) == "mock"
    assert limited_by("peak", Busy(0.5, 0.2, 0.3)) == "latency"


@pytest.mark.parametrize(
    ("count", "gateway", "shared"), [(1, 1, True), (2, 1, True), (3, 1, False), (4, 2, False), (3, 2, True)]
)
def test_roles_share_cores_only_when_there_are_too_few(count, gateway, shared):
    found = layout(tuple(range(count)), gateway)
    assert bool(found.shared) is shared
    assert found.mock
    assert found.load
    if not shared:
        assert len({*found.gateway, *found.mock, *found.load}) == count


def test_a_peer_is_a_name_or_a_url_with_fields():
    assert parse_peer("litellm").url == ""
    peer = parse_peer("other=http://127.0.0.1:4000/api,model=gpt-x,key=k,header.x-a=b=c")
    server = peer.server()
    assert (server.host, server.port, server.base, server.model) == ("127.0.0.1", 4000, "/api", "gpt-x")
    assert (server.key, server.headers) == ("k", {"x-a": "b=c"})
    assert parse_peer("other=http://h").server().base == "/v1"


@pytest.mark.parametrize("text", ["", "=http://h", "a=", "a=http://h,colour=red"])
def test_a_peer_that_cannot_be_read_is_refused(text):
    with pytest.raises(PeerError):
        parse_peer(text)


@pytest.mark.parametrize("url", ["https://h", "127.0.0.1:4000", "http://"])
def test_a_peer_needs_an_http_url(url):
    with pytest.raises(PeerError):
        parse_peer(f"a={url}").server()


def test_the_command_line_makes_an_order(tmp_path):
    line = ["--quick", "--duration", "2", "--peer", "litellm", "--gateway-url", "http://127.0.0.1:8080"]
    order = _order(_parser().parse_args([*line, "--out", str(tmp_path)]))
    assert [scenario.name for scenario in order.scenarios] == ["unary", "stream", "translate"]
    assert order.settings.seconds == 2.0
    assert (order.gateway.port, order.peers[0].name) == (8080, "litellm")
    assert set(order.cores) == os.sched_getaffinity(0)
    with pytest.raises(ValueError, match="https"):
        _order(_parser().parse_args(["--gateway-url", "https://h"]))


def test_the_soak_judges_size_growth_and_wrong_answers():
    steady = [Sample(200_000, 60.0, 100.0), Sample(1_000_000, 61.0, 101.0)]
    assert verdict(steady, 10, 1, {}).met
    assert not verdict(steady, 10, 1, {"wrong text": 1}).met
    assert not verdict([*steady, Sample(2_000_000, 66.0, 100.0)], 10, 1, {}).met
    assert not verdict([Sample(1, 91.0, 91.0)], 10, 1, {}).met


def test_the_demo_brings_a_mock_only_without_a_provider():
    assert not has_provider({"PATH": "/bin", "OPENAI_API_KEY": ""})
    assert has_provider({"GROQ_API_KEY": "x"})
    assert has_provider(mock_environment("http://127.0.0.1:1"))


def test_the_gateways_config_names_the_mock_for_both_families(tmp_path):
    config = msgspec.json.decode(gateway_config("http://127.0.0.1:9", 8080, 8081, 2, tmp_path))
    assert config["server"]["workers"] == 2
    assert config["providers"]["openai"]["base_url"] == "http://127.0.0.1:9/v1"
    assert config["providers"]["anthropic"]["base_url"] == "http://127.0.0.1:9"
