"""The reference agents: subjects of known behaviour that the testbed is calibrated with.

Each file is one agent. Those made of LangGraph parts are driven by one scripted chat model, which plays a scenario's
reference solution in the way that the agent's policy says; so what differs between them is their resilience alone.
"""
