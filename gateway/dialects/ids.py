"""Identities across dialects: kept where they fit, made to fit, always in the same way, where they do not."""

from hashlib import sha256

_PREFIXES = ("chatcmpl-", "msg_", "gen-", "resp_")


def answer_id(prefix: str, upstream: str) -> str:
    """`chatcmpl-` or `msg_` before what the provider called its answer."""
    for known in _PREFIXES:
        if upstream.startswith(known):
            return prefix + upstream[len(known) :]
    return prefix + upstream


def shortened(identity: str, longest: int, prefix: str = "") -> str:
    """The identity itself, or, when it is longer than the dialect takes, one that stands for it and no other."""
    if len(identity) <= longest:
        return identity
    digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    return (prefix + digest)[:longest]
