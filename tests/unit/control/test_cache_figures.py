"""What the admin API tells of the cache: how full it is, and what went wrong with it."""

from pathlib import Path

from gateway._speedups.ledger import Ledger, table_sections
from gateway.config import Config
from gateway.config.caching_model import CacheConfig
from gateway.control.admin.caching import look
from gateway.control.keeping import Desk, Keeping, opened, shelf_for
from gateway.schemas.caching import Settings


def desk_over(folder: Path, cache: CacheConfig | None) -> Desk:
    config = Config(data=str(folder), cache=cache)
    ledger = Ledger.create(folder / "ledger", table_sections("events", slots=64, cells=8))
    shelf = shelf_for(config)
    if cache is not None:
        store = opened(shelf, config, cache.settings)
        assert not store.put(bytes(32), 1, 4e9, bytes(cache.settings.max_entry * 4))
        store.close()
    return Desk(shelf, ledger, Keeping(shelf, lambda: config))


def test_an_operator_without_prometheus_sees_how_full_it_is_and_what_is_wrong(tmp_path: Path) -> None:
    found = look(desk_over(tmp_path, CacheConfig(Settings(max_size=5 << 20, max_entry=4096))))
    assert (found.max_size, found.refused, found.lost, found.damaged) == (5 << 20, 1, 0, 0)


def test_without_a_cache_there_is_room_for_nothing(tmp_path: Path) -> None:
    assert look(desk_over(tmp_path, None)).max_size == 0
