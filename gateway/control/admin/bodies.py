"""What may be written through the admin API, as data: one draft per kind. Patches and views are derived from them.

Times are Unix seconds, 0 for never; money is in nano-dollars.
"""

import types
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f]*$"
LARGEST = 2**63 - 1

Name = Annotated[str, Meta(max_length=256, pattern=PRINTABLE)]
Id = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Reference = Annotated[str, Meta(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")]
RouteName = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[!-~]([ -~]*[!-~])?$")]
Globs = Annotated[
    tuple[Annotated[str, Meta(pattern=PRINTABLE, min_length=1, max_length=256)], ...], Meta(max_length=256)
]
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Words = Annotated[
    dict[
        Annotated[str, Meta(pattern=PRINTABLE, max_length=64)],
        Annotated[str, Meta(pattern=PRINTABLE, max_length=1024)],
    ],
    Meta(max_length=64),
]
Parameters = Annotated[dict[Annotated[str, Meta(pattern=PRINTABLE, max_length=64)], Any], Meta(max_length=64)]
SecretText = Annotated[str, Meta(min_length=1, max_length=16_384, pattern=r"^[!-~]([ -~]*[!-~])?$")]
Period = Annotated[
    str,
    Meta(
        pattern=r"^(day|week|month|never|rolling:[1-9][0-9]{0,8})$",
        description="A calendar day, week or month (UTC), never anew, or the last so many seconds: rolling:86400",
    ),
]
Role = Literal["owner", "admin", "editor", "viewer"]
Account = Annotated[
    str,
    Meta(
        pattern=PRINTABLE,
        min_length=3,
        max_length=1024,
        description="KIND:ID, the kind being key, user, team, org, model or provider; or one of these with a model or "
        "provider: team:ID+model:NAME",
        examples=["team:search", "team:search+model:openai/gpt-4o"],
    ),
]
Expiry = Annotated[Count, Meta(description="Unix seconds; 0 for never")]


class Draft(Struct, kw_only=True, forbid_unknown_fields=True):
    """What every creation may say: an id of one's own, instead of a generated one."""

    id: Id | UnsetType = UNSET


class OrgDraft(Draft, kw_only=True, forbid_unknown_fields=True):
    """An organisation, which has teams. A blocked one has all its keys refused."""

    name: Name
    metadata: Words = {}
    blocked: bool = False


class TeamDraft(Draft, kw_only=True, forbid_unknown_fields=True):
    """A team, of an organisation or of none. A blocked one has all its keys refused."""

    name: Name
    org: Reference = ""
    metadata: Words = {}
    blocked: bool = False


class UserDraft(Draft, kw_only=True, forbid_unknown_fields=True):
    """A person whom keys belong to. A blocked one has all its keys refused."""

    name: Name
    email: Annotated[str, Meta(pattern=PRINTABLE, max_length=320)] = ""
    org: Reference = ""
    team: Reference = ""
    metadata: Words = {}
    blocked: bool = False


class KeyDraft(Draft, kw_only=True, forbid_unknown_fields=True):
    """A caller's key. Lists that are empty allow everything. Its limits and budgets are things of their own."""

    name: Name = ""
    org: Reference = ""
    team: Reference = ""
    user: Reference = ""
    models: Annotated[
        Globs,
        Meta(
            description="Globs of names that it may ask for, such as openai/gpt-4o*", examples=[["openai/*"]]
        ),
    ] = ()
    providers: Annotated[Globs, Meta(description="Providers that its requests may go to")] = ()
    endpoints: Annotated[
        Globs, Meta(description="Endpoints that it may use", examples=[["chat_completions", "messages"]])
    ] = ()
    networks: Annotated[Globs, Meta(description="Where it may be used from", examples=[["10.0.0.0/8"]])] = ()
    credentials: Annotated[
        dict[Id, SecretText],
        Meta(max_length=32, description="Provider to a credential of the caller's own; never read back"),
    ] = {}
    defaults: Annotated[Parameters, Meta(description="Parameters of requests that do not say them")] = {}
    forced: Annotated[Parameters, Meta(description="Parameters of requests, whatever they say")] = {}
    tags: Annotated[Globs, Meta(description="They stand in every record")] = ()
    metadata: Words = {}
    expires: Expiry = 0
    blocked: bool = False
    keeps_bodies: Annotated[
        bool, Meta(description="Prompts and answers are kept with its records, where records.bodies is keys")
    ] = False


class ProviderDraft(Struct, kw_only=True, forbid_unknown_fields=True):
    """A provider as the file would declare it. `settings` are its further keys there; secrets are credentials."""

    id: Id
    type: Annotated[str, Meta(pattern=PRINTABLE, max_length=64)] = ""
    base_url: Annotated[str, Meta(pattern=PRINTABLE, max_length=2048)] = ""
    models: Globs = ()
    discover: bool = True
    settings: Parameters = {}


class CredentialDraft(Draft, kw_only=True, forbid_unknown_fields=True):
    """A provider's secret: a key, the value of a header, or a secret setting. It is never read back."""

    provider: Id
    value: SecretText
    name: Name = ""
    use: Annotated[str, Meta(pattern=r"^(key|(header|setting):[A-Za-z0-9_-]{1,128})$")] = "key"
    weight: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    models: Globs = ()


class RouteDraft(Struct, kw_only=True, forbid_unknown_fields=True):
    """A name that callers ask for; `route` is what the file would say of it under `models`."""

    id: RouteName
    route: Parameters


class LimitDraft(Draft, kw_only=True, forbid_unknown_fields=True):
    """How many requests and tokens an account has in each so many seconds, or how many requests at once; 0 bounds
    nothing."""

    account: Account
    seconds: Annotated[int, Meta(ge=1, le=366 * 86_400)] = 60
    requests: Count = 0
    tokens: Count = 0
    parallel: Annotated[Count, Meta(description="Requests in flight")] = 0


class BudgetDraft(Draft, kw_only=True, forbid_unknown_fields=True):
    """The money that an account has in each period."""

    account: Account
    nano_usd: Annotated[
        Count,
        Meta(description="Billionths of a US dollar: 50000000000 are 50 dollars", examples=[50_000_000_000]),
    ]
    period: Period = "month"
    soft: Annotated[bool, Meta(description="Warns, and refuses nothing")] = False


class AdminKeyDraft(Draft, kw_only=True, forbid_unknown_fields=True):
    """A key to this API. With a `team` it sees and changes what belongs to that team alone."""

    name: Name
    role: Role
    team: Reference = ""
    expires: Expiry = 0
    blocked: bool = False


class Rotation(Struct, forbid_unknown_fields=True):
    """The old key stays valid for `grace` seconds."""

    grace: Annotated[int, Meta(ge=0, le=30 * 86_400)] = 0


class Fault(Struct):
    """What was wrong, for programs and for people; `path` leads to it in the body or names the parameter."""

    code: str
    message: str
    path: str


class Failure(Struct):
    error: Fault


class AuditEntry(Struct, kw_only=True):
    """Who changed what: `before` and `after` are the thing without its secrets, null where there was none."""

    id: str
    at: int
    actor: str
    actor_name: str
    role: str
    ip: str
    request_id: str
    action: str
    kind: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def patch_of(draft: type[Struct], name: str) -> type[Struct]:
    """The draft with nothing required: what is not given stays as it is. An id never changes."""
    fields = [
        (field.name, Union[field.type, UnsetType], UNSET)  # noqa: UP007 - the types are only known here
        for field in msgspec.structs.fields(draft)
        if field.name != "id"
    ]
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


def view_of(draft: type[Struct], name: str, hidden: tuple[str, ...], further: dict[str, Any]) -> type[Struct]:
    """What is read back: the draft without what is `hidden`, with what the store adds."""
    fields: list[Any] = [("id", str)]
    fields += [
        (one.name, one.type) for one in msgspec.structs.fields(draft) if one.name not in (*hidden, "id")
    ]
    fields += list(further.items())
    fields += [("origin", Literal["api", "file"]), ("version", int), ("created", int), ("updated", int)]
    return msgspec.defstruct(name, fields, kw_only=True, namespace={"__module__": __name__})


def page_of(view: type[Struct], name: str) -> type[Struct]:
    """Some things of a kind, and where the next ones begin."""
    return msgspec.defstruct(name, [("data", types.GenericAlias(list, (view,))), ("next", Union[str, None])])  # noqa: UP007
