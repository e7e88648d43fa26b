"""agentbench: a reliability testbed for AI agents."""

__version__ = "0.1.0"
