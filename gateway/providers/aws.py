"""AWS's keys: those of the configuration, of the environment, or of AWS's own chain. Each request is signed."""

import time
from collections.abc import Callable, Mapping
from os import environ

from gateway.config.model import Setting, Way
from gateway.providers.auth import NoCredentials
from gateway.providers.leases import Fetch, Grant, Lease
from gateway.providers.sigv4 import AwsKeys, Signer, chain_keys, environment_keys, static_keys

SURE = 600.0
"""Seconds that botocore's keys live at least when it has just given them: it renews ten minutes ahead, or fails."""

POLL = 120.0
"""Seconds between two looks at botocore's chain, which then renews, or re-reads, what is about to expire."""

REGION = Setting("region", ("AWS_REGION", "AWS_DEFAULT_REGION"))
SETTINGS = (
    Setting("access_key", ("AWS_ACCESS_KEY_ID",), credential=True),
    Setting("secret_key", ("AWS_SECRET_ACCESS_KEY",), credential=True, secret=True),
    Setting("session_token", ("AWS_SESSION_TOKEN",), credential=True, secret=True),
    Setting("profile", ("AWS_PROFILE",), credential=True),
)
WAYS = (
    Way(("region", "access_key", "secret_key"), "AWS access key {access_key}"),
    Way(("region", "profile"), "AWS profile {profile}"),
    Way(("region",), "AWS credential chain", ambient=True),
)


class AwsGrant(Grant, frozen=True):
    """Signatures of one AWS service."""

    service: str

    def fetch(self, given: Mapping[str, str], env: Mapping[str, str] = environ) -> Fetch:
        region, service = given["region"], self.service
        if "access_key" in given:
            return lambda _: _lasting(_written(given), region, service)
        return _Chain(given.get("profile", ""), region, service, env)


class _Chain:
    """botocore's chain. It is built anew when AWS refused its keys: a file may hold others by now."""

    def __init__(self, profile: str, region: str, service: str, env: Mapping[str, str]) -> None:
        self._profile = profile
        self._region = region
        self._service = service
        self._env = env
        self._keys: Callable[[], AwsKeys] | None = None

    def __call__(self, refused: bool) -> Lease:
        known = None if self._profile else environment_keys(self._env)
        if known is not None:
            return _lasting(known(), self._region, self._service)
        if self._keys is None or refused:
            self._keys = chain_keys(self._profile)
        found = self._keys()
        keys = static_keys(found.access_key, found.secret_key, found.token)()  # checks them
        lease = _lasting(keys, self._region, self._service)
        return Lease(signer=lease.signer, secrets=lease.secrets, expires=time.time() + SURE, poll=POLL)


def _written(given: Mapping[str, str]) -> AwsKeys:
    if not given.get("secret_key"):
        raise NoCredentials("the access key has no secret key")
    return static_keys(given["access_key"], given["secret_key"], given.get("session_token", ""))()


def _lasting(keys: AwsKeys, region: str, service: str) -> Lease:
    secrets = tuple(text.encode() for text in (keys.token, keys.secret_key) if text)
    return Lease(signer=Signer(lambda: keys, region, service), secrets=secrets)
