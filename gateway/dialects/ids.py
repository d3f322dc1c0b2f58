"""Identities of answers across dialects: the provider's own, under the prefix that the caller's dialect gives them."""

_PREFIXES = ("chatcmpl-", "msg_", "gen-", "resp_")


def answer_id(prefix: str, upstream: str) -> str:
    """`chatcmpl-` or `msg_` before what the provider called its answer."""
    for known in _PREFIXES:
        if upstream.startswith(known):
            return prefix + upstream[len(known) :]
    return prefix + upstream
