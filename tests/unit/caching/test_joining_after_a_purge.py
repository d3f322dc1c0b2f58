"""Who asks after a purge hears nothing of what was asked before it, though that is still on its way."""

import time

from caching_house import House, completion, play

from gateway.upstream.replies import Whole


def test_an_answer_from_before_a_purge_is_not_joined() -> None:
    async def run() -> None:
        house = House(scope="key")
        first = house.call("hello")
        await house.dispatcher.asked(1)
        joined = house.call("hello")
        await house.settled()
        (leader,) = house.flying.values()
        assert house.store.purge(leader.terms.owner, time.time())
        later = house.call("hello")
        await house.settled()
        assert house.dispatcher.times == 2
        for text in ("before", "after"):
            house.dispatcher.answer(Whole(completion(text), []))
        assert b"before" in (await first).body
        assert b"before" in (await joined).body
        assert b"after" in (await later).body
        await house.rest()

    play(run())
