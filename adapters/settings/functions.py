"""The environment of each function as one typed value, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from adapters.settings.environment import Environment, https_address, one_of
from adapters.settings.page import https_origins, page_colour, page_logo, page_name
from metering.billing_rule import NOT_BILLABLE, BillingRule
from metering.calls.privacy import PersonalData, Treatment
from metering.line_format.field_map import parse_field_map


def _rule(environment: Environment) -> BillingRule:
    """Which calls are billed, and where a line has their values."""
    fields = environment.parsed("FIELD_MAP", "", parse_field_map)
    return environment.parsed("NOT_BILLABLE", NOT_BILLABLE, lambda text: BillingRule(text, fields))


def _names(text: str) -> tuple[str, ...]:
    """The names in a list with commas, of which some may be empty."""
    return tuple(name for name in text.split(",") if name)


@dataclass(frozen=True, slots=True)
class StreamProcessorSettings:
    """What the template sets for the stream processor."""

    counters_table: str
    ledger_table: str
    ledger_lanes: int
    ledger_slot_seconds: int
    write_concurrency: int
    rule: BillingRule
    alert_source: str
    """The source of threshold events."""
    default_plan: str | None = None
    """Of keys that have none, as for the quota authorizer."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (the process's own unless given).

        Raises:
            Misconfigured: with every fault.
        """
        environment = Environment(variables)
        settings = cls(
            counters_table=environment.text("COUNTERS_TABLE"),
            ledger_table=environment.text("LEDGER_TABLE"),
            ledger_lanes=environment.number("LEDGER_LANES", 1, 1, 1024),
            ledger_slot_seconds=environment.number("LEDGER_SLOT_SECONDS", 5, 1, 86_400),
            write_concurrency=environment.number("WRITE_CONCURRENCY", 8, 1, 64),
            rule=_rule(environment),
            alert_source=environment.text("ALERT_SOURCE", "usage-meter"),
            default_plan=environment.optional("DEFAULT_PLAN"),
        )
        environment.check()
        return settings


@dataclass(frozen=True, slots=True)
class FirehoseTransformSettings:
    """What the template sets for the transform of the lake."""

    rule: BillingRule
    personal: PersonalData

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (the process's own unless given).

        Raises:
            Misconfigured: with every fault.
        """
        environment = Environment(variables)
        key = environment.parsed("PERSONAL_DATA_KEY", "", str.encode)
        settings = cls(
            rule=_rule(environment),
            personal=environment.parsed(
                "PERSONAL_DATA", "keep", lambda text: PersonalData(Treatment(text), key)
            ),
        )
        environment.check()
        return settings


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What the template sets for the watch."""

    counters_table: str
    ledger_table: str
    stream_name: str
    failure_bucket: str
    lake_bucket: str
    stream_arn: str
    filter_name: str
    """Of the subscription filters into the stream."""
    log_groups: tuple[str, ...]
    """Where the access log is written."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (the process's own unless given).

        Raises:
            Misconfigured: with every fault.
        """
        environment = Environment(variables)
        settings = cls(
            counters_table=environment.text("COUNTERS_TABLE"),
            ledger_table=environment.text("LEDGER_TABLE"),
            stream_name=environment.text("STREAM_NAME"),
            failure_bucket=environment.text("FAILURE_BUCKET"),
            lake_bucket=environment.text("LAKE_BUCKET"),
            stream_arn=environment.text("STREAM_ARN"),
            filter_name=environment.text("FILTER_NAME"),
            log_groups=_names(environment.text("LOG_GROUPS")),
        )
        environment.check()
        return settings


@dataclass(frozen=True, slots=True)
class ReconciliationSettings:
    """What the template sets for the reconciliation."""

    counters_table: str
    lake_bucket: str
    lake_database: str
    workgroup: str
    delivery_stream: str
    """Firehose's, by whose metrics the lake is known to be complete."""
    log_groups: tuple[str, ...] = ()
    """Where the access log is written."""
    rule: BillingRule = field(default_factory=BillingRule, compare=False)
    look_up_plan: str = ""
    """The name of the usage plan of the look-ups, whose calls are not metered."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (the process's own unless given).

        Raises:
            Misconfigured: with every fault.
        """
        environment = Environment(variables)
        settings = cls(
            counters_table=environment.text("COUNTERS_TABLE"),
            lake_bucket=environment.text("LAKE_BUCKET"),
            lake_database=environment.text("LAKE_DATABASE"),
            workgroup=environment.text("ATHENA_WORKGROUP"),
            delivery_stream=environment.text("DELIVERY_STREAM"),
            log_groups=_names(environment.text("LOG_GROUPS")),
            rule=_rule(environment),
            look_up_plan=environment.optional("LOOK_UP_PLAN") or "",
        )
        environment.check()
        return settings


@dataclass(frozen=True, slots=True)
class QuotaAuthorizerSettings:
    """What the template sets for the quota authorizer."""

    counters_table: str
    counters_seconds: int
    """So long counters are believed."""
    plans_seconds: int
    """So long plans are believed."""
    lease_seconds: int
    default_plan: str | None
    """Of keys that have none; None: they have no limits."""
    on_failure: str
    """`allow` or `deny`: what happens to calls while DynamoDB does not answer."""
    key_header: str
    key_source: str
    """`HEADER` or `AUTHORIZER`: the stage's `apiKeySource`."""
    result_ttl_seconds: int
    """So long API Gateway keeps an answer."""
    simple_answers: bool
    """HTTP APIs take a plain yes or no."""
    token_issuer: str | None
    """Whose bearer tokens name keys, exactly as they write it; None: nobody's."""
    token_audience: str | None
    token_claim: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (the process's own unless given).

        Raises:
            Misconfigured: with every fault.
        """
        environment = Environment(variables)
        settings = cls(
            counters_table=environment.text("COUNTERS_TABLE"),
            counters_seconds=environment.number("COUNTERS_SECONDS", 5, 0, 300),
            plans_seconds=environment.number("PLANS_SECONDS", 60, 1, 3600),
            lease_seconds=environment.number("LEASE_SECONDS", 10, 1, 300),
            default_plan=environment.optional("DEFAULT_PLAN"),
            on_failure=environment.parsed("ON_FAILURE", "allow", one_of("allow", "deny")),
            key_header=environment.text("KEY_HEADER", "x-api-key").lower(),
            key_source=environment.parsed("API_KEY_SOURCE", "HEADER", one_of("HEADER", "AUTHORIZER")),
            result_ttl_seconds=environment.number("RESULT_TTL_SECONDS", 0, 0, 3600),
            simple_answers=environment.parsed("HTTP_API_ANSWER", "simple", one_of("simple", "policy"))
            == "simple",
            token_issuer=environment.parsed("TOKEN_ISSUER", "", https_address) or None,
            token_audience=environment.optional("TOKEN_AUDIENCE"),
            token_claim=environment.text("TOKEN_CLAIM", "sub"),
        )
        if settings.token_issuer is not None and settings.token_audience is None:
            environment.fault(
                "TOKEN_AUDIENCE is not set: a token for any other service of the issuer would do"
            )
        environment.check()
        return settings


@dataclass(frozen=True, slots=True)
class UsageApiSettings:
    """What the template sets for the look-ups."""

    counters_table: str
    default_plan: str | None
    """Of keys that have none, as for the quota authorizer."""
    digest_key: bytes = b""
    """With which the log hashes the ids of keys that somebody looked up."""
    lake_bucket: str | None = None
    """Where the tariff in force is; None: cost is not shown."""
    frame_ancestors: tuple[str, ...] = ()
    """The origins whose pages may show the page in a frame; empty: none."""
    page_name: str = ""
    page_colour: str = ""
    page_logo: str = ""
    """The owner's, on the page; empty: the page's own."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (the process's own unless given).

        Raises:
            Misconfigured: with every fault.
        """
        environment = Environment(variables)
        settings = cls(
            counters_table=environment.text("COUNTERS_TABLE"),
            default_plan=environment.optional("DEFAULT_PLAN"),
            digest_key=environment.parsed("LOOK_UP_DIGEST_KEY", "", str.encode),
            lake_bucket=environment.optional("LAKE_BUCKET"),
            frame_ancestors=environment.parsed("FRAME_ANCESTORS", "", https_origins),
            page_name=environment.parsed("PAGE_NAME", "", page_name),
            page_colour=environment.parsed("PAGE_COLOUR", "", page_colour),
            page_logo=environment.parsed("PAGE_LOGO", "", page_logo),
        )
        environment.check()
        return settings


def sends_all_metrics(variables: Mapping[str, str] | None = None) -> bool:
    """Whether a function sends all of its numbers as metrics, or those only that essential alarms watch.

    Raises:
        Misconfigured: the variable is neither `all` nor `essential`.
    """
    environment = Environment(variables)
    sends_all = environment.parsed("METRICS", "all", _is_all)
    environment.check()
    return sends_all


def _is_all(text: str) -> bool:
    if text not in {"all", "essential"}:
        raise ValueError(f"{text!r} is neither 'all' nor 'essential'")
    return text == "all"
