"""Who asks for a new answer gets one that no older one takes the place of."""

from caching_house import House, completion, play

from gateway.upstream.replies import Whole

REFRESH = {b"x-gateway-cache": b"refresh"}


def test_an_older_answer_that_comes_later_takes_no_newer_ones_place() -> None:
    async def run() -> None:
        house = House()
        first = house.call("hello")
        await house.dispatcher.asked(1)
        anew = house.call("hello", headers=REFRESH)
        await house.dispatcher.asked(2)
        joined = house.call("hello")
        await house.settled()
        assert house.dispatcher.times == 2, "who comes later hears the newer answer"
        house.dispatcher._waiting.reverse()
        house.dispatcher.answer(Whole(completion("new"), []))
        assert b"new" in (await anew).body
        assert b"new" in (await joined).body
        house.dispatcher.answer(Whole(completion("old"), []))
        assert b"old" in (await first).body
        assert b"new" in (await house.call("hello")).body
        assert not house.flying
        await house.rest()

    play(run())
