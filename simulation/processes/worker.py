"""A process that runs the shipped function of the stream processor, as Lambda's runtime would.

An event a line comes in, an answer a line goes out. It is there to be killed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from stream_processor.handler import deployed_handler


@dataclass(frozen=True, slots=True)
class Context:
    """What the function reads of Lambda's context."""

    aws_request_id: str
    function_name: str = "stream_processor"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:stream_processor"
    memory_limit_in_mb: int = 1024

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """An invocation that has just begun."""
        return 120_000


def main() -> None:
    """Answer events until the input ends. The function's own log goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    handler = deployed_handler(lambda _stream: 0)
    for number, line in enumerate(sys.stdin):
        answer = handler(json.loads(line), Context(str(number)))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
