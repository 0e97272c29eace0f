"""JSON as short as it can be, in UTF-8.

By pydantic's serialiser, which takes a fifth of the time of the standard library's.
"""

from typing import Final

from pydantic_core import to_json

compact: Final = to_json
