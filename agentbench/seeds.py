"""The one door to randomness: every draw is keyed by what it decides, never by how many came before."""

import hashlib
import json
import random
from typing import Any

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str, check_circular=False).encode


def digest(*parts: Any) -> str:
    """Hex digest (64 characters) of JSON-able parts; equal parts give equal digests on every machine."""
    return hashlib.blake2b(_bytes(parts), digest_size=32).hexdigest()


def uniform(*key: Any) -> float:
    """A number in [0, 1) decided by the key alone, so parallel calls cannot change each other's draw."""
    return int(digest(*key)[:13], 16) / float(1 << 52)


class Keyed:
    """Draws that share the beginning of their key, which is digested once: `Keyed(a, b).uniform(c)` is
    `uniform(a, b, c)`.
    """

    def __init__(self, *key: Any) -> None:
        self._begun = hashlib.blake2b(_bytes(key)[:-1] + b",", digest_size=32)

    def uniform(self, *rest: Any) -> float:
        """A number in [0, 1) decided by the whole key; `rest` has one part at least."""
        return self._drawn(_bytes(rest)[1:])

    def of(self, part: str, key: str, repeat: int) -> float:
        """`uniform(part, key, repeat)` for names and digests, which JSON writes as they are: much faster."""
        return (
            self._drawn(f'"{part}","{key}",{repeat}]'.encode())
            if key.isascii() and key.isalnum()
            else self.uniform(part, key, repeat)
        )

    def _drawn(self, rest: bytes) -> float:
        whole = self._begun.copy()
        whole.update(rest)
        return int(whole.hexdigest()[:13], 16) / float(1 << 52)


def derive(*key: Any) -> random.Random:
    """A generator of its own for a key."""
    return random.Random(digest(*key))


def settle(*key: Any) -> None:
    """Seed Python's global generator, which agents and their libraries draw from (such as the jitter of retries)."""
    random.seed(digest("settle", *key))


def _bytes(parts: tuple[Any, ...]) -> bytes:
    return _encode(parts).encode("utf-8", "surrogatepass")
