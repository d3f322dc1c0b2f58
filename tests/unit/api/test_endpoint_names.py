"""A key can be allowed every endpoint that is served, by the name that records have, and no other."""

from gateway.api.routes import BY_MODEL, INFERENCE, PARCELS, STORES
from gateway.config.allowances import ENDPOINTS
from gateway.dialects.realtime import REALTIME


def test_every_endpoint_can_be_allowed() -> None:
    by_model = {match.name for _, verbs in BY_MODEL for match in verbs.values()}
    served = {*INFERENCE, *PARCELS, *STORES, *by_model, REALTIME.name, "passthrough"}
    assert sorted(ENDPOINTS) == sorted(served)
