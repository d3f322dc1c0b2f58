# What is read of calls, plans and records.
#
# A part of asking.pyx.

from gateway.schemas.caching import Entry
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage

include "fields.pxi"

cdef Field CALL_BODY = _field(Call, "body")
cdef Field CALL_ENDPOINT = _field(Call, "endpoint")
cdef Field CALL_FACTS = _field(Call, "facts")
cdef Field CALL_HEADERS = _field(Call, "headers")
cdef Field CALL_MODEL = _field(Call, "model")
cdef Field CALL_REQUEST = _field(Call, "request")
cdef Field CALL_STREAM = _field(Call, "stream")
cdef Field PLAN_ROUTE = _field(Plan, "route")
cdef Field PLAN_TARGETS = _field(Plan, "targets")
cdef Field TARGET_MODEL = _field(Target, "model")
cdef Field TARGET_PROVIDER = _field(Target, "provider")
cdef Field ENTRY_ANSWERED = _field(Entry, "answered_model")
cdef Field ENTRY_BODY = _field(Entry, "body")
cdef Field ENTRY_COST = _field(Entry, "cost_nano_usd")
cdef Field ENTRY_CREATED = _field(Entry, "created")
cdef Field ENTRY_ENDPOINT = _field(Entry, "endpoint")
cdef Field ENTRY_FINISH = _field(Entry, "finish")
cdef Field ENTRY_FORM = _field(Entry, "form")
cdef Field ENTRY_LOST = _field(Entry, "lost")
cdef Field ENTRY_MODEL = _field(Entry, "model")
cdef Field ENTRY_PROVIDER = _field(Entry, "provider")
cdef Field ENTRY_USAGE = _field(Entry, "usage")
cdef Field ANSWERED = _field(Record, "answered_model")
cdef Field CACHE_SAID = _field(Record, "cache")
cdef Field COST = _field(Record, "cost_nano_usd")
cdef Field DROPPED = _field(Record, "dropped")
cdef Field ERROR = _field(Record, "error")
cdef Field FINISH = _field(Record, "finish")
cdef Field KEY = _field(Record, "key")
cdef Field MODEL = _field(Record, "model")
cdef Field ORG = _field(Record, "org")
cdef Field PROVIDER = _field(Record, "provider")
cdef Field RESUMED = _field(Record, "resumed")
cdef Field SKIPPED = _field(Record, "skipped")
cdef Field SAVED = _field(Record, "saved_nano_usd")
cdef Field STATUS = _field(Record, "status")
cdef Field TEAM = _field(Record, "team")
cdef Field USAGE = _field(Record, "usage")
cdef Field USER = _field(Record, "user")
cdef Field WALL = _field(Record, "wall_ns")
cdef Field INPUT = _field(Usage, "input")
cdef Field OUTPUT = _field(Usage, "output")
