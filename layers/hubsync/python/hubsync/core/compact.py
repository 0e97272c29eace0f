"""JSON as short as it can be, as text that is sent or stored as UTF-8."""

from json import JSONEncoder
from typing import Final

# Made once: json.dumps with options makes an encoder for each call.
compact: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
