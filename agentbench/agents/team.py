"""Two roles that hand over to each other, and numbers, checks, acknowledgements and repeats on the way.

A `StateGraph` of a coordinator, whose model decides, and a clerk, who uses the tools. An order that brings no report
is sent again under its number; the clerk does each number once and reports it as often as it is asked. A message whose
checksum is wrong counts as one that did not come.
"""

from agentbench.agents._policy import CAREFUL
from agentbench.agents._team import TeamAgent

for_some_faults = True  # the others are told apart by any fault
agent = TeamAgent(CAREFUL, guarded=True)
policy = agent.policy
