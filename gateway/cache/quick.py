"""The key of a plain request, straight from its body: the same that its neutral request has, for a tenth of the work.

Plain is what most requests are: texts by turns and a few numbers, in the two most spoken dialects. Whatever else there
may be in a body, or is odd about it, makes it none, and it is read as any other. One function, compiled: at this place
of a request every Python call is one from cold memory.
"""

from gateway._speedups.plain_keys import quick_key

__all__ = ["quick_key"]
