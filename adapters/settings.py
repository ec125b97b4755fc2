"""The environment of each function as one typed value: the only reader of `os.environ`.

Everything that is missing or wrong is reported at once, by name, before any work.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar

from metering.billing_rule import NOT_BILLABLE, BillingRule
from metering.calls.privacy import PersonalData, Treatment
from metering.errors import Misconfigured
from metering.line_format.field_map import parse_field_map
from metering.visible_text import visible

Value = TypeVar("Value")


class Environment:
    """Reads variables, and collects what is wrong with them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """The value of a variable; without a default it must be there."""
        value = self._variables.get(name, default)
        if not value:
            self._faults.append(f"{name} is not set")
            return ""
        return value

    def optional(self, name: str) -> str | None:
        """The value of a variable; None where it is absent or empty."""
        return self._variables.get(name) or None

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """An integer within bounds."""
        text = self._variables.get(name, str(default))
        try:
            value = int(text)
        except ValueError:
            self._faults.append(f"{name} is {text!r}, which is not an integer")
            return default
        if not lowest <= value <= highest:
            self._faults.append(f"{name} is {value}; it must be from {lowest} to {highest}")
        return value

    def parsed(self, name: str, default: str, parse: Callable[[str], Value]) -> Value:
        """A value that `parse` reads, raising ValueError for what it cannot take."""
        try:
            return parse(self._variables.get(name, default))
        except ValueError as error:
            self._faults.append(f"{name}: {error}")
            return parse(default)

    def fault(self, text: str) -> None:
        """Note what is wrong with several variables together."""
        self._faults.append(text)

    def check(self) -> None:
        """Raises Misconfigured with all that is wrong, if anything is."""
        if self._faults:
            raise Misconfigured(self._faults)


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
        environment = Environment(os.environ if variables is None else variables)
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
        environment = Environment(os.environ if variables is None else variables)
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
        environment = Environment(os.environ if variables is None else variables)
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
        environment = Environment(os.environ if variables is None else variables)
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
        environment = Environment(os.environ if variables is None else variables)
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
        environment = Environment(os.environ if variables is None else variables)
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


def one_of(*choices: str) -> Callable[[str], str]:
    """Takes one of the choices. What it gives raises ValueError for anything else."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
        return text

    return parse


def https_address(text: str) -> str:
    """An address that begins with https://, or none, as written. Raises ValueError for anything else."""
    if text and not text.startswith("https://"):
        raise ValueError(f"{text!r} does not begin with https://")
    return text


_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HTTPS_ORIGIN: Final = re.compile(rf"https://{_LABEL}(\.{_LABEL}){{0,9}}(:[1-9][0-9]{{0,4}})?", re.ASCII)
_MOST_ORIGINS: Final = 10


def https_origins(text: str) -> tuple[str, ...]:
    """The origins in a list with commas, as browsers write them: `https://`, a name in small letters, and a
    port if it is not 443. No wildcard, path or keyword is one. Raises ValueError for anything else.
    """
    origins = tuple(text.split(",")) if text else ()
    for origin in origins:
        if _HTTPS_ORIGIN.fullmatch(origin) is None:
            raise ValueError(f"{origin!r} is not an origin such as https://portal.example")
    if len(origins) > _MOST_ORIGINS:
        raise ValueError(f"{len(origins)} origins are given; {_MOST_ORIGINS} are possible")
    return origins


_LONGEST_PAGE_NAME: Final = 60
_COLOUR: Final = re.compile("#[0-9a-fA-F]{6}")
_LOGO: Final = re.compile("data:image/(png|svg[+]xml);base64,([A-Za-z0-9+/]+={0,2})")
_LONGEST_LOGO: Final = 1_800
"""Lambda takes 4 kB for all variables of a function together.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_LOGO_HOLDS: Final = {"png": b"\x89PNG\r\n\x1a\n", "svg+xml": b"<svg"}


def page_name(text: str) -> str:
    """A name to show on the page, or none. Raises ValueError for one that is too long or cannot be seen."""
    if len(text) > _LONGEST_PAGE_NAME:
        raise ValueError(f"{len(text)} characters are given; {_LONGEST_PAGE_NAME} are possible")
    if visible(text) != text or text.strip() != text:
        raise ValueError(f"{text!r} has characters that cannot be seen, or a space at an end")
    return text


def page_colour(text: str) -> str:
    """A colour such as `#1558c0`, or none. Raises ValueError for anything else."""
    if text and _COLOUR.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a colour such as #1558c0")
    return text


def page_logo(text: str) -> str:
    """A PNG or SVG picture as a data URI in base64, or none. Raises ValueError for anything else."""
    if not text:
        return text
    if len(text) > _LONGEST_LOGO:
        raise ValueError(f"{len(text)} characters are given; {_LONGEST_LOGO} are possible: make it smaller")
    found = _LOGO.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text[:40]!r} is not the beginning of a picture as data:image/png;base64,... or "
            "data:image/svg+xml;base64,..."
        )
    try:
        picture = base64.b64decode(found[2], validate=True)
    except ValueError:
        raise ValueError("what follows base64, is not base64") from None
    if _LOGO_HOLDS[found[1]] not in picture:
        raise ValueError(f"the data is not a picture of the type image/{found[1]}")
    return text


def aws_region(variables: Mapping[str, str] | None = None) -> str | None:
    """The region that AWS_REGION names; None leaves it to the SDK: AWS_DEFAULT_REGION, or the profile."""
    return (os.environ if variables is None else variables).get("AWS_REGION") or None


def external_dynamodb(variables: Mapping[str, str] | None = None) -> str | None:
    """The address of a DynamoDB that the local cloud should use in place of its own, if one is named."""
    return (os.environ if variables is None else variables).get("AWS_ENDPOINT_URL_DYNAMODB") or None


def inherited(names: tuple[str, ...] = ("PATH", "HOME", "LANG")) -> dict[str, str]:
    """Variables that a child process needs from this one, and nothing else of its environment."""
    return {name: os.environ[name] for name in names if name in os.environ}


def set_apart(nowhere: str = os.devnull) -> None:
    """Keep the AWS settings and proxies of whoever runs this process out of it: for commands with a cloud of
    their own, whose clients name endpoint, region and credentials by themselves.
    """
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
        os.environ.pop(name, None)
    os.environ.update(
        {
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
            "no_proxy": "*",
        }
    )


def sends_all_metrics(variables: Mapping[str, str] | None = None) -> bool:
    """Whether a function sends all of its numbers as metrics, or those only that essential alarms watch.

    Raises:
        Misconfigured: the variable is neither `all` nor `essential`.
    """
    environment = Environment(os.environ if variables is None else variables)
    sends_all = environment.parsed("METRICS", "all", _is_all)
    environment.check()
    return sends_all


def _is_all(text: str) -> bool:
    if text not in {"all", "essential"}:
        raise ValueError(f"{text!r} is neither 'all' nor 'essential'")
    return text == "all"
