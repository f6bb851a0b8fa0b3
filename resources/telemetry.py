"""The one place that turns off every telemetry, usage report and model-hub switch.

The list comes from egress experiments with each library in a network namespace that has only loopback.
"""

import os
from collections.abc import Mapping

SWITCHES: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "POSTHOG_DISABLED": "1",
    "SCARF_NO_ANALYTICS": "true",
    "OTEL_SDK_DISABLED": "true",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "AWS_CSM_ENABLED": "false",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def switch_off() -> None:
    """Set every switch in this process's environment, which its child processes inherit.

    A value that is already set is overwritten: inside the wall nobody may switch telemetry back on.
    """
    os.environ.update(SWITCHES)
