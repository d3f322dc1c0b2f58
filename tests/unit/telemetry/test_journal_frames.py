"""Whatever happens to a journal's bytes, its reader finds every frame that was left alone, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.frames import HEAD, MARK, Scan, frame, scan

PAYLOADS = [b"record %d " % number * (number % 7 + 1) for number in range(40)]
FRAMES = [frame(payload) for payload in PAYLOADS]
WHOLE = b"".join(FRAMES)


def in_pieces(data: bytes, cuts: list[int]) -> tuple[list[bytes], int]:
    """What a reader finds that sees the file grow; and how often it met damage."""
    found: list[bytes] = []
    at = damages = 0
    lost = False
    sizes = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    for number, size in enumerate(sizes):
        final = number == len(sizes) - 1
        while True:
            seen: Scan = scan(data[at:size], final=final, lost=lost, most=3)
            found += seen.payloads
            damages, lost = damages + seen.damages, seen.lost
            at += seen.done
            if not seen.done or at == size:
                break
    assert at == len(data)
    return found, damages


def test_a_sound_file() -> None:
    seen = scan(WHOLE, final=True)
    assert seen.payloads == PAYLOADS
    assert (seen.done, seen.damages) == (len(WHOLE), 0)
    assert seen.ends[0] == len(FRAMES[0])


@given(st.lists(st.integers(0, len(WHOLE)), max_size=20))
def test_property_reading_while_it_grows_finds_the_same(cuts: list[int]) -> None:
    assert in_pieces(WHOLE, cuts) == (PAYLOADS, 0)


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(1, 255)), min_size=1, max_size=8),
    st.lists(st.integers(0, len(WHOLE)), max_size=8),
)
def test_property_changed_bytes_cost_their_own_frames_alone(
    changes: list[tuple[int, int]], cuts: list[int]
) -> None:
    data = bytearray(WHOLE)
    for place, bits in changes:
        data[place] ^= bits
    kept, at = [], 0
    for payload, whole in zip(PAYLOADS, FRAMES, strict=True):
        if data[at : at + len(whole)] == whole:
            kept.append(payload)
        at += len(whole)
    found, damages = in_pieces(bytes(data), cuts)
    assert found == kept
    assert damages > 0 or len(kept) == len(PAYLOADS)


@given(st.integers(0, len(WHOLE)), st.binary(max_size=64) | st.sampled_from([MARK, MARK[:2], FRAMES[3][:9]]))
def test_property_cut_and_scribbled_on_at_the_end(length: int, scribble: bytes) -> None:
    data = WHOLE[:length]
    whole = scan(data, final=True).payloads
    assert whole == PAYLOADS[: len(whole)]
    found, _ = in_pieces(data + scribble + b"".join(FRAMES[:2]), [])
    assert found[-2:] == PAYLOADS[:2]


@given(st.binary(max_size=300))
def test_property_noise_is_no_record(noise: bytes) -> None:
    assert scan(noise, final=True).payloads == []


def test_a_length_beyond_all_bounds_is_damage_at_once() -> None:
    data = HEAD.pack(MARK, 1 << 31, 0) + FRAMES[0]
    assert scan(data, final=False).payloads == [PAYLOADS[0]]


def test_no_text_can_hold_a_frame() -> None:
    text = FRAMES[0].decode("utf-8", "replace")
    assert scan(frame(text.encode())[1:], final=True).payloads == []
