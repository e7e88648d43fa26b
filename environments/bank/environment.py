"""The `bank` world: one customer's accounts, payees, payments, cards, disputes and messages.

Invariant: an account's balance moves only together with a posting of the same amount.
"""

from . import paying, reading, servicing  # noqa: F401, I001  their tools are registered by importing them
from . import drifts, lures  # noqa: F401  of these tools
from .definition import environment

__all__ = ["environment"]
