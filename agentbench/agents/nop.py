"""Does nothing and says nothing: whatever it passes is not worth passing."""

from typing import Any


async def agent(message: str, tools: Any) -> None:
    """Ignore the message."""
