"""A kept answer in the words in which it was told, for callers of the same endpoint."""

def around_id(
    body: bytes, tokens: int, claude: bool, stream: bool, counted: bool
) -> tuple[bytes, ...] | None:
    """The answer without its id, apart where that is to be written, behind the dialect's prefix. Its usage says that
    all `tokens` of the prompt were read from a cache; everything else stays as it is, byte for byte.

    `body` is an answer of OpenAI's Chat Completions, or with `claude` of Anthropic's Messages, whole or a `stream`,
    which is asked for with its usage where it is `counted`. None for what is not as most providers write it: it is
    broken, it has several ids, its usage is in another place or told twice, or it seems to say nothing.
    """
