"""JSON as short as it can be, in UTF-8.

By pydantic's serialiser, which takes a fifth of the time of the standard library's.
"""

from typing import Final

from pydantic_core import to_json

compact: Final = to_json


def text_bytes(text: str) -> int:
    """Return how many bytes a text has between its quotes: as UTF-8, some characters escaped."""
    return len(compact(text)) - 2
