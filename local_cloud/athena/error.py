"""Why a query of the local Athena failed, in Athena's words where they are known."""

INVALID_CAST = "INVALID_CAST_ARGUMENT"


class QueryFailedError(Exception):
    """The query ends as ``FAILED``; the text becomes its ``StateChangeReason``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class QuerySyntaxError(Exception):
    """The text is no query: Athena refuses it before it starts."""


def not_supported(what: str) -> QueryFailedError:
    """Better no answer than a wrong number."""
    return QueryFailedError("NOT_SUPPORTED", f"The local Athena cannot run {what}.")
