"""Answers that are older than whoever asks may have them: their settings say so, whatever held when they were kept."""

import time

from caching_house import House, completion, play

from gateway.upstream.replies import Whole

HOUR = 3600 * 10**9


async def kept(house: House, text: str, *, ago_ns: int) -> None:
    """An answer to what was asked so long ago."""
    first = house.call(text)
    await house.dispatcher.asked(house.dispatcher.times + 1)
    first.way.record.wall_ns = time.time_ns() - ago_ns
    house.dispatcher.answer(Whole(completion("hi"), []))
    await first


def test_settings_that_were_shortened_hold_for_what_was_kept_before() -> None:
    async def run() -> None:
        house = House(ttl=600.0)
        await kept(house, "young", ago_ns=HOUR // 60)
        await kept(house, "old", ago_ns=HOUR)
        assert (await house.call("young")).record.cache == "hit"
        again = house.call("old")
        await house.dispatcher.asked(3)
        house.dispatcher.answer(Whole(completion("anew"), []))
        assert (await again).record.cache == "miss"
        assert (await house.call("old")).record.cache == "hit"
        await house.rest()

    play(run())
