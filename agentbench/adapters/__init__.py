"""How agents are reached: one file for each kind of agent, offering `adapter`."""
