"""Speech and transcripts through the official SDK: what arrives byte for byte, and what comes back while it comes."""

import json
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import openai
import openai_wire
import pytest
import wire
from fault_server import CLOSE, FaultServer, Gate, Seen
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway
from raw_client import RawConnection, request

AUDIO = bytes(range(256)) * 300 + b"\r\n--not the boundary\r\n" + b"\x00\xff" * 50
SPEECH = {"model": "openai/tts-1", "voice": "alloy", "input": "Good day."}
TOKENS = {
    "type": "tokens",
    "input_tokens": 14,
    "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
    "output_tokens": 5,
    "total_tokens": 19,
}
PLAIN = {"text": "Good day.", "usage": TOKENS}
VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 1.5,
    "text": "Good day.",
    "segments": [],
    "usage": {"type": "duration", "seconds": 2},
}
DEEPGRAM = {
    "metadata": {"duration": 2.25},
    "results": {
        "channels": [
            {
                "detected_language": "en",
                "alternatives": [
                    {
                        "transcript": "Good day. How are you?",
                        "words": [
                            {"word": "good", "punctuated_word": "Good", "start": 0.0, "end": 0.4},
                            {"word": "day", "punctuated_word": "day.", "start": 0.4, "end": 0.9},
                            {"word": "how", "punctuated_word": "How", "start": 1.0, "end": 1.2},
                            {"word": "are", "start": 1.2, "end": 1.4},
                            {"word": "you", "punctuated_word": "you?", "start": 1.4, "end": 2.0},
                        ],
                    }
                ],
            }
        ]
    },
}


@pytest.fixture
def client(media_gateway: Gateway, openai_upstream: FaultServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{media_gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as one:
        yield one


def fields(seen: Seen) -> dict[str, tuple[str, bytes]]:
    """The parts of a form that arrived: name to (head, value); a naive reader for clean forms."""
    boundary = (seen.header("content-type") or "").partition("boundary=")[2].strip('"').encode()
    found = {}
    for part in (b"\r\n" + seen.body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        found[head.partition(b'name="')[2].partition(b'"')[0].decode()] = (head.decode(), value)
    return found


def form(model: bytes, boundary: bytes = b"edge", **extra: bytes) -> tuple[bytes, dict[str, str | bytes]]:
    parts = {b"model": model, **{name.encode(): value for name, value in extra.items()}}
    lines = [
        b'--%s\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary, *pair)
        for pair in parts.items()
    ]
    file = b'--%s\r\ncontent-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' % boundary
    body = b"".join([*lines, file, AUDIO, b"\r\n--%s--\r\n" % boundary])
    return body, {"content-type": b"multipart/form-data; boundary=" + boundary}


# --- speech ---


def test_speech_passes_with_its_type_and_length(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.whole(AUDIO, content_type="audio/mpeg", x_request_id="req_9"))
    reply = client.audio.speech.with_raw_response.create(**SPEECH, response_format="mp3")
    assert reply.content == AUDIO
    assert reply.headers["content-type"] == "audio/mpeg"
    assert reply.headers["content-length"] == str(len(AUDIO))
    assert reply.headers["x-request-id"] == "req_9"
    assert reply.headers["x-gateway-provider"] == "openai"
    seen = openai_upstream.only
    assert seen.path == "/v1/audio/speech"
    assert seen.json() == {**SPEECH, "model": "tts-1", "response_format": "mp3"}
    assert seen.header("authorization") == f"Bearer {OPENAI_KEY}"


def test_speech_is_heard_while_it_is_spoken(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    gate = Gate()
    head = wire.head(content_type="audio/pcm", transfer_encoding="chunked")
    openai_upstream.script([head, wire.chunk(b"first"), gate, wire.chunk(b"second"), wire.END])
    with client.audio.speech.with_streaming_response.create(**SPEECH) as reply:
        pieces = reply.iter_bytes()
        assert next(pieces) == b"first"  # the provider still waits
        gate.open()
        assert b"".join(pieces) == b"second"


def test_speech_as_events_is_counted(
    client: openai.OpenAI, media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    events = [
        wire.data({"type": "speech.audio.delta", "audio": "AAAA"}),
        wire.data(
            {
                "type": "speech.audio.done",
                "usage": {"input_tokens": 7, "output_tokens": 101, "total_tokens": 108},
            }
        ),
    ]
    openai_upstream.script(wire.stream(events))
    before = media_gateway.metric("gateway_tokens_total", endpoint="audio_speech", type="output")
    with client.audio.speech.with_streaming_response.create(
        model="openai/gpt-4o-mini-tts", voice="alloy", input="x", stream_format="sse"
    ) as reply:
        assert reply.read() == b"".join(events)
        assert reply.headers["content-type"].startswith("text/event-stream")
    openai_upstream.wait(
        lambda: (
            media_gateway.metric("gateway_tokens_total", endpoint="audio_speech", type="output")
            == before + 101
        )
    )


def test_events_that_break_off_end_with_an_error_event(
    media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(
        [
            wire.STREAM_HEAD,
            wire.chunk(wire.data({"type": "speech.audio.delta", "audio": "AAAA"})),
            CLOSE,
        ]
    )
    reply = media_gateway.post("/v1/audio/speech", {**SPEECH, "stream_format": "sse"})
    last = list(wire.events_of(reply.body))[-1]
    assert "error" in json.loads(last[1])


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_speech_that_breaks_off_breaks_the_callers_connection(
    media_gateway: Gateway, openai_upstream: FaultServer, framing: str
) -> None:
    by_length = [wire.head(content_type="audio/mpeg", content_length="1000"), b"x" * 10, CLOSE]
    chunked = [
        wire.head(content_type="audio/mpeg", transfer_encoding="chunked"),
        wire.chunk(b"x" * 10),
        CLOSE,
    ]
    openai_upstream.script(by_length if framing == "length" else chunked)
    try:
        reply = media_gateway.post("/v1/audio/speech", SPEECH)
    except (ConnectionError, HTTPException):
        return
    assert not reply.complete
    assert b"error" not in reply.body


def test_a_caller_that_hangs_up_ends_the_providers_work(
    media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    gate = Gate()
    head = wire.head(content_type="audio/mpeg", transfer_encoding="chunked")
    openai_upstream.script([head, wire.chunk(b"first"), gate])
    with RawConnection(media_gateway.port) as connection:
        connection.send(media_gateway.encode("/v1/audio/speech", SPEECH))
        connection.head()
        assert next(connection.pieces()) == b"first"
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer)


def test_speech_falls_back_to_a_vendor_with_a_way_of_its_own(
    client: openai.OpenAI, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(
        wire.as_json(openai_wire.error("slow down", "requests"), 429),
        wire.whole(b"ID3mp3", content_type="audio/mpeg"),
    )
    reply = client.audio.speech.with_raw_response.create(
        model="speaker", voice="JBFq/../x", input="Good day.", speed=1.1, instructions="Whisper."
    )
    assert reply.content == b"ID3mp3"
    assert reply.headers["x-gateway-fallback"] == "true"
    assert reply.headers["x-gateway-provider"] == "elevenlabs"
    assert reply.headers["x-gateway-dropped"] == "instructions"
    seen = openai_upstream.seen[1]
    path = "/eleven/v1/text-to-speech/JBFq%2F..%2Fx/stream?output_format=mp3_44100_128"
    assert seen.path == path
    assert seen.header("xi-api-key") == OPENAI_KEY
    assert seen.json() == {
        "text": "Good day.",
        "model_id": "eleven_flash_v2_5",
        "voice_settings": {"speed": 1.1},
    }


def test_speech_from_deepgram(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.whole(b"\x01\x02", content_type="audio/l16;rate=24000"))
    reply = client.audio.speech.create(
        model="deepgram/aura-2", voice="thalia", input="Good day.", response_format="pcm", speed=0.9
    )
    assert reply.read() == b"\x01\x02"
    seen = openai_upstream.only
    query = "model=aura-2-thalia-en&encoding=linear16&container=none&sample_rate=24000&speed=0.9"
    assert seen.path == f"/deep/v1/speak?{query}"
    assert seen.header("authorization") == f"Token {OPENAI_KEY}"
    assert seen.json() == {"text": "Good day."}


def test_a_format_that_a_vendor_does_not_make_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="flac"):
        client.audio.speech.create(model="elevenlabs/x", voice="v", input="Good day.", response_format="flac")


def test_a_vendors_error_is_told_in_the_callers_dialect(
    client: openai.OpenAI, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(
        wire.as_json({"detail": {"status": "voice_not_found", "message": "no such voice"}}, 404)
    )
    with pytest.raises(openai.NotFoundError, match="no such voice"):
        client.audio.speech.create(model="elevenlabs/x", voice="v", input="Good day.")


# --- transcripts ---


def test_a_transcript_passes_and_is_counted(
    client: openai.OpenAI, media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.as_json(PLAIN))
    before = media_gateway.metric("gateway_tokens_total", endpoint="audio_transcriptions", type="input")
    reply = client.audio.transcriptions.with_raw_response.create(
        model="openai/gpt-4o-transcribe", file=("näme.mp3", AUDIO), language="en"
    )
    assert reply.parse().text == "Good day."
    assert float(reply.headers["x-gateway-cost-usd"]) > 0
    seen = openai_upstream.only
    assert seen.path == "/v1/audio/transcriptions"
    found = fields(seen)
    assert found["model"][1] == b"gpt-4o-transcribe"
    assert found["language"][1] == b"en"
    assert found["file"][1] == AUDIO
    after = media_gateway.metric("gateway_tokens_total", endpoint="audio_transcriptions", type="input")
    assert after == before + 14


def test_every_byte_but_the_model_passes(media_gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(PLAIN))
    body, headers = form(b"openai/whisper-1", prompt=b"\xc3\xa4 \x00", unknown=b"kept")
    assert media_gateway.post("/v1/audio/transcriptions", body, headers).json() == PLAIN
    seen = openai_upstream.only
    assert seen.body == body.replace(b"openai/whisper-1", b"whisper-1")
    assert seen.header("content-type") == "multipart/form-data; boundary=edge"


@pytest.mark.parametrize("kind", ["text", "srt", "vtt"])
def test_a_transcript_as_text_keeps_its_type(
    client: openai.OpenAI, openai_upstream: FaultServer, kind: Any
) -> None:
    openai_upstream.script(wire.whole(b"Good day.\n", content_type="text/plain; charset=utf-8"))
    reply = client.audio.transcriptions.with_raw_response.create(
        model="openai/whisper-1", file=("a.mp3", AUDIO), response_format=kind
    )
    assert reply.content == b"Good day.\n"
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_verbose_transcript(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(VERBOSE))
    reply = client.audio.transcriptions.with_raw_response.create(
        model="openai/whisper-1",
        file=("a.mp3", AUDIO),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert reply.parse().duration == 1.5
    assert "x-gateway-cost-usd" not in reply.headers  # seconds were counted, and their price is not known


def test_a_streamed_transcript(
    client: openai.OpenAI, media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(
        wire.stream(
            [
                wire.data({"type": "transcript.text.delta", "delta": "Good "}),
                wire.data({"type": "transcript.text.delta", "delta": "day."}),
                wire.data({"type": "transcript.text.done", "text": "Good day.", "usage": TOKENS}),
            ]
        )
    )
    labels = {"endpoint": "audio_transcriptions", "stream": "true"}
    before = media_gateway.metric("gateway_requests_total", **labels)
    events = list(
        client.audio.transcriptions.create(
            model="openai/gpt-4o-transcribe", file=("a.mp3", AUDIO), stream=True
        )
    )
    assert [event.type for event in events] == [
        "transcript.text.delta",
        "transcript.text.delta",
        "transcript.text.done",
    ]
    openai_upstream.wait(lambda: media_gateway.metric("gateway_requests_total", **labels) == before + 1)


def test_a_bare_name_is_enough(
    client: openai.OpenAI, media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.whole(b"ID3", content_type="audio/mpeg"))
    labels = {"endpoint": "audio_speech", "provider": "openai", "model": "tts-1"}
    before = media_gateway.metric("gateway_requests_total", **labels)
    client.audio.speech.create(model="tts-1", voice="alloy", input="Good day.")
    assert openai_upstream.only.json()["model"] == "tts-1"
    openai_upstream.wait(lambda: media_gateway.metric("gateway_requests_total", **labels) == before + 1)


def test_a_translation(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json({"text": "Good day."}))
    reply = client.audio.translations.create(model="openai/whisper-1", file=("a.mp3", AUDIO))
    assert reply.text == "Good day."
    assert openai_upstream.only.path == "/v1/audio/translations"


def test_a_transcript_falls_back_with_the_same_audio(
    client: openai.OpenAI, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(
        wire.as_json(openai_wire.error("slow down", "requests"), 429),
        wire.as_json(openai_wire.error("down", "server_error"), 503),
        wire.as_json(DEEPGRAM),
    )
    reply = client.audio.transcriptions.with_raw_response.create(
        model="listener", file=("a.mp3", AUDIO, "audio/mpeg"), prompt="names: Ada"
    )
    assert reply.parse().text == "Good day. How are you?"
    assert reply.headers["x-gateway-provider"] == "deepgram"
    assert reply.headers["x-gateway-attempts"] == "3"
    assert reply.headers["x-gateway-dropped"] == "prompt"
    first, second, third = openai_upstream.seen
    assert (fields(first)["model"][1], fields(first)["file"][1]) == (b"whisper-1", AUDIO)
    assert (fields(second)["model"][1], fields(second)["file"][1]) == (b"large-v3", AUDIO)
    query = "model=nova-3&smart_format=true&utterances=true&detect_language=true"
    assert third.path == f"/deep/v1/listen?{query}"
    assert (third.body, third.header("content-type")) == (AUDIO, "audio/mpeg")


def test_a_transcript_that_is_cut_is_tried_elsewhere(
    client: openai.OpenAI, openai_upstream: FaultServer
) -> None:
    cut = [wire.head(content_type="application/json", content_length="500"), b'{"text": "Goo', CLOSE]
    openai_upstream.script(cut, wire.as_json(PLAIN))
    reply = client.audio.transcriptions.create(model="listener", file=("a.mp3", AUDIO))
    assert reply.text == "Good day."


def test_a_strict_name_refuses_what_a_vendor_has_no_place_for(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="prompt"):
        client.audio.transcriptions.create(
            model="strict-listener", file=("a.mp3", AUDIO), prompt="names: Ada"
        )


def test_a_vendors_timestamps_become_subtitles(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(DEEPGRAM))
    text = client.audio.transcriptions.create(
        model="deepgram/nova-3", file=("a.mp3", AUDIO), response_format="srt"
    )
    assert text == (
        "1\n00:00:00,000 --> 00:00:00,900\nGood day.\n\n2\n00:00:01,000 --> 00:00:02,000\nHow are you?\n\n"
    )


def test_a_vendors_transcript_can_be_streamed(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(DEEPGRAM))
    events = list(
        client.audio.transcriptions.create(model="deepgram/nova-3", file=("a.mp3", AUDIO), stream=True)
    )
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == "Good day. How are you?"


def test_a_transcript_from_elevenlabs(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(
        wire.as_json(
            {
                "language_code": "eng",
                "text": "Good day.",
                "words": [
                    {"text": "Good", "start": 0.0, "end": 0.5, "type": "word"},
                    {"text": " ", "start": 0.5, "end": 0.5, "type": "spacing"},
                    {"text": "day.", "start": 0.5, "end": 1.0, "type": "word"},
                ],
            }
        )
    )
    reply = client.audio.transcriptions.create(
        model="elevenlabs/scribe_v1",
        file=('a"\r\nb.mp3', AUDIO, "audio/mpeg"),
        language="en",
        temperature=0.2,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert reply.language == "eng"
    assert [word.word for word in reply.words or ()] == ["Good", "day."]
    assert [(segment.text, segment.end) for segment in reply.segments or ()] == [("Good day.", 1.0)]
    seen = openai_upstream.only
    assert seen.path == "/eleven/v1/speech-to-text"
    found = fields(seen)
    assert found["file"][1] == AUDIO
    assert {name: value for name, (_, value) in found.items() if name != "file"} == {
        "model_id": b"scribe_v1",
        "timestamps_granularity": b"word",
        "language_code": b"en",
        "temperature": b"0.2",
    }


# --- what callers get wrong ---


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/images/edits"])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (form(b"openai/whisper-1")[0][:-12], form(b"x")[1]),
        (form(b"openai/whisper-1")[0], {"content-type": "multipart/form-data"}),
        (form(b"openai/whisper-1")[0], {"content-type": "multipart/form-data; boundary=other"}),
        (form(b"")[0], form(b"")[1]),
        (b"not a form", {"content-type": "audio/mpeg"}),
    ],
)
def test_a_broken_form_is_refused_before_anybody_is_asked(
    media_gateway: Gateway, openai_upstream: FaultServer, path: str, body: bytes, headers: Any
) -> None:
    reply = media_gateway.post(path, body, headers)
    assert reply.status == 400
    assert reply.json()["error"]["message"]
    assert openai_upstream.seen == []


def test_a_provider_without_ears_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not serve audio transcriptions"):
        client.audio.transcriptions.create(model="anthropic/claude-sonnet-4-5", file=("a.mp3", AUDIO))


def test_an_upload_beyond_the_limit_is_refused_before_it_is_sent(media_gateway: Gateway) -> None:
    size = 300 << 20
    kind = {"content-type": "multipart/form-data; boundary=x", "content-length": str(size)}
    names = {"authorization": f"Bearer {CALLER_KEY}", **kind}
    with RawConnection(media_gateway.port) as connection:
        connection.send(request("POST", "/v1/audio/transcriptions", b"--x\r\n", names))
        reply = connection.reply()  # without another byte of the 300 MB
    assert reply.status == 413
    assert "limit" in reply.json()["error"]["message"]
