"""Keys as they nearly always are, for the fast paths."""

from __future__ import annotations

import re
from typing import Final

MOST_KEYS: Final = 65_536
"""So many keys are remembered."""

_USUAL_KEY: Final = re.compile(r"(?!\.\.\Z)[\w.:=+/-]{2,128}", re.ASCII)
"""Less than :mod:`metering.key_id` takes, and nothing else."""


class UsualKeys(dict[str, str]):
    """Texts that are keys at first sight. The calls of a key share one text, which is looked at once."""

    def learn(self, text: str) -> str | None:
        """The key, if it is one at first sight; None if it is absent or has to be looked at more closely."""
        if not _USUAL_KEY.fullmatch(text):
            return None
        if len(self) >= MOST_KEYS:
            self.clear()
        self[text] = text
        return text


usual_keys: Final = UsualKeys()
