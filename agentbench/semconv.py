"""The names of span attributes and events, from OpenTelemetry's GenAI conventions and from a namespace of our own.

Invariant: no other module spells such a name, so that a new version of the conventions is one edit here.
"""

from typing import Final

# The last release of the core conventions that holds the GenAI names. They have since moved to the repository
# open-telemetry/semantic-conventions-genai, which has made no release yet. Status: Development.
VERSION: Final = "1.41.0"
SCHEMA_URL: Final = f"https://opentelemetry.io/schemas/{VERSION}"

# -- resource and scope --------------------------------------------------------------------------------
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SCOPE_NAME: Final = "otel.scope.name"
SCOPE_VERSION: Final = "otel.scope.version"

# -- operations: values of OPERATION_NAME, and the first word of span names --------------------------------
INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"

# -- GenAI attributes ----------------------------------------------------------------------------------
OPERATION_NAME: Final = "gen_ai.operation.name"
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
ERROR_TYPE: Final = "error.type"

# -- the event that carries a verdict ------------------------------------------------------------------
EVALUATION_RESULT: Final = "gen_ai.evaluation.result"
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_VALUE: Final = "gen_ai.evaluation.score.value"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"

# -- our own -------------------------------------------------------------------------------------------
OUTCOME_EVALUATION: Final = "agentbench.outcome"  # the value of EVALUATION_NAME for the outcome of a trial
SCENARIO: Final = "agentbench.scenario"
FAULTLOAD: Final = "agentbench.faultload"
TRIAL_NUMBER: Final = "agentbench.trial.number"
TRIAL_ATTEMPT: Final = "agentbench.trial.attempt"
TRIAL_CLOCK: Final = "agentbench.trial.clock"
TRIAL_SEED: Final = "agentbench.trial.seed"
ENDING: Final = "agentbench.ending"
OUTCOME: Final = "agentbench.outcome"
TURN: Final = "agentbench.turn"
TOOL_EXECUTIONS: Final = "agentbench.tool.executions"
TOOL_EFFECTS: Final = "agentbench.tool.effects"

FAULT_INJECTED: Final = "agentbench.fault.injected"  # an event on the span of the call that was hit, or of the agent
FAULT_NAME: Final = "agentbench.fault.name"
FAULT_INDEX: Final = "agentbench.fault.index"
FAULT_WITNESS: Final = "agentbench.fault.witness"
FAULT_WITNESSED: Final = "agentbench.fault.witnessed"
FAULT_RECEIPT: Final = "agentbench.fault.receipt"

WORLD_CHANGED: Final = "agentbench.world.changed"  # events on the span of the agent
WORLD_INDEX: Final = "agentbench.world.index"
CLAIM: Final = "agentbench.claim"
CLAIM_STATUS: Final = "agentbench.claim.status"
CLAIM_MISSING: Final = "agentbench.claim.missing"
HANDOVER: Final = "agentbench.handover"
HANDOVER_CHANNEL: Final = "agentbench.handover.channel"
HANDOVER_NUMBER: Final = "agentbench.handover.number"
HANDOVER_SENT: Final = "agentbench.handover.sent"
HANDOVER_RECEIVED: Final = "agentbench.handover.received"
NOTE: Final = "agentbench.note"
NOTE_KIND: Final = "agentbench.note.kind"
NOTE_DETAIL: Final = "agentbench.note.detail"
