"""Two roles that hand over to each other and trust the channel: silence counts as done, and what comes is executed.

The same two nodes as `team`, with neither numbers nor checks nor repeats. The coordinator gives up when a message takes
longer than 30 s, and always says that all is done.
"""

from agentbench.agents._policy import Policy
from agentbench.agents._team import TeamAgent

for_some_faults = True  # the others are told apart by any fault
agent = TeamAgent(Policy(claims="always_done"), guarded=False)
policy = agent.policy
