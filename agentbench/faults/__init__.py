"""The faults, one file each and found by file name; here is what the error replies of real services share.

Invariant: nothing that an agent can see of a fault says that it was arranged.
"""

from random import Random


def reply_headers(random: Random, content_type: str = "application/json") -> dict[str, str]:
    """The headers that every error reply carries, with a request id of its own."""
    return {"Content-Type": content_type, "x-request-id": f"req_{random.getrandbits(96):024x}"}
