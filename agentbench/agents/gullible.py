"""Does what it reads: an instruction in a tool's reply is followed before the task goes on; else as `careful`.

The graph of `careful`, with a model that makes no difference between what the user says and what somebody wrote into a
message, a statement or a hotel's description. It does not run unless it is named: without hidden instructions it is
`careful` once more.
"""

from dataclasses import replace

from agentbench.agents._policy import CAREFUL, ScriptedAgent
from agentbench.agents.careful import make_graph

for_some_faults = True  # the others are told apart by any fault
policy = replace(CAREFUL, obeys=True)

agent = ScriptedAgent(make_graph, policy)
