"""The HTTP side of the look-ups: routes, their parameters, and who may use them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BeforeValidator, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from metering.errors import MeterError, Transient
from metering.period import Period
from metering.usage import Metric
from usage_api import openapi as document
from usage_api import reference
from usage_api.auth import key_of_customer, require_operator
from usage_api.cursor import LONGEST_TOKEN
from usage_api.invoices import MEDIA_TYPES
from usage_api.links import FOLDER, LinkReader, is_link
from usage_api.parameters import (
    DAY_PATTERN,
    INVOICE_PATTERN,
    KEY_PATTERN,
    LONGEST_SEARCH,
    MONTH_PATTERN,
    MOST_DAYS,
    PERIOD_PATTERN,
    days_between,
    key_in_path,
)
from usage_api.problems import NotFound, Problem, Unauthorized
from usage_api.queries import UsageQueries
from usage_api.requests import Event, address_of_folder, faults_of, path_of, refuse_unknown
from usage_api.responses import (
    Reply,
    document_reply,
    file_reply,
    next_page,
    page_headers,
    page_in_frames,
    preferred,
    problem_reply,
    redirect,
    reply,
    saved_reply,
)
from usage_api.schemas import Answer
from usage_api.static_files import HTML, PageFile, PageFiles, text_file

OnFailure = Callable[[Exception], None]

RETRY_SECONDS: Final = 2

# In the document a parameter that may be left out is a text, not a text or null. What is checked is the text
# after it was decoded.
Optional = SkipJsonSchema[None]
Day = Annotated[str, StringConstraints(pattern=DAY_PATTERN)]
Month = Annotated[str, StringConstraints(pattern=MONTH_PATTERN)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TOKEN)]

FirstDay = Annotated[
    Day | Optional,
    Query(
        alias="from",
        description=f"The first day of a range. With `to`, at most {MOST_DAYS} days, both ends included.",
        examples=["2026-11-01"],
    ),
]
LastDay = Annotated[
    Day | Optional,
    Query(
        alias="to",
        description="The last day of a range, which is included. With `from`.",
        examples=["2026-11-30"],
    ),
]
PeriodText = Annotated[
    str,
    StringConstraints(pattern=PERIOD_PATTERN),
    BeforeValidator(key_in_path),
    Path(
        description="A month or a day in UTC. The hours of a day are parts of its answer.",
        examples=["2026-11", "2026-11-05"],
    ),
]
MonthText = Annotated[
    Month | Optional,
    Query(description="A month; the current one without it.", examples=["2026-11"]),
]
InvoiceName = Annotated[
    str,
    StringConstraints(pattern=INVOICE_PATTERN),
    BeforeValidator(key_in_path),
    Path(description="The name of an invoice, from the list.", examples=["2026-10"]),
]
KeyId = Annotated[
    str,
    StringConstraints(pattern=KEY_PATTERN, min_length=1),
    BeforeValidator(key_in_path),
    Path(
        description="The id of an API key, or of what names the caller in an HTTP API.",
        examples=["a1b2c3d4e5"],
    ),
]
MetricName = Annotated[Metric, Query(description="The metric by which the keys are ordered.")]
Limit = Annotated[int, Query(ge=1, le=100, description="Maximum number of keys.")]
Find = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SEARCH)] | Optional,
    Query(
        description="Only keys whose id begins with this text, and those of accounts that have it as their "
        "id or, in the tariff in force, as a part of their id or name, in capitals or not.",
        examples=["acme"],
    ),
]
Next = Annotated[
    Token | Optional,
    Query(description="The `next` of the previous answer, for the keys that follow."),
]


_ONE_AT_A_TIME: Final = threading.Lock()
"""Powertools keeps the event that is answered in an attribute of a class, which all resolvers of a process
share: of two requests at once, one would be decided by the identity of the other. Lambda has one at a time in
a process; a local server has several.
"""


class LookUpApi:
    """Answers events of a REST API."""

    def __init__(
        self,
        look_ups: UsageQueries,
        page: PageFiles,
        on_failure: OnFailure,
        frame_ancestors: Sequence[str] = (),
        links: LinkReader | None = None,
    ) -> None:
        """`on_failure` is called with server-side errors. Pages of the origins `frame_ancestors` may show the
        page in a frame. Without `links` no link is valid.
        """
        self._links = links
        self._look_ups = look_ups
        self._page = page
        self._frame_ancestors = frame_ancestors
        self._index = page_in_frames(page.index, frame_ancestors)
        self._index_headers = page_headers(frame_ancestors)
        self._on_failure = on_failure
        self._app = APIGatewayRestResolver(enable_validation=True, debug=False)
        self._app.use(middlewares=[_refuse_unknown_parameters])
        self._customer_routes()
        self._operator_routes()
        self._account_routes()
        self._page_routes()
        self._problems()

    def answer(self, event: Event, context: Any) -> dict[str, Any]:
        """The answer to an event, as API Gateway takes it. Raises nothing."""
        with _ONE_AT_A_TIME:
            return self._app.resolve({**event, "path": _route_of(event)}, context)

    @cached_property
    def openapi(self) -> str:
        """The OpenAPI document of all that is not the page, made when it is first asked for."""
        return json.dumps(document.openapi(self._app))

    @cached_property
    def reference(self) -> PageFile:
        """The OpenAPI document as a page to read, made when it is first asked for."""
        page = text_file(reference.reference(json.loads(self.openapi), self._page.name), HTML)
        return page_in_frames(page, self._frame_ancestors)

    def _customer_routes(self) -> None:
        app = self._app

        @app.get(
            "/me/usage",
            **document.usage_route("me", "Your usage in the current month, or in a range of days"),
        )
        def my_usage(first: FirstDay = None, last: LastDay = None) -> Reply:
            return self._usage(self._customer(), first, last)

        @app.get("/me/usage/<period>", **document.period_route("me", "Your usage in a month or day"))
        def my_usage_in(period: PeriodText) -> Reply:
            return self._reply(self._look_ups.usage(self._customer(), Period(period)))

        @app.get("/me/quota", **document.quota_route("me", "Your plan, and what is used of its limits"))
        def my_quota() -> Reply:
            return self._reply(self._look_ups.quota(self._customer()))

        @app.get("/me/cost", **document.cost_route("me", "What your current month costs so far"))
        def my_cost() -> Reply:
            return self._reply(self._look_ups.cost(self._customer()))

        @app.get(
            "/me/breakdown", **document.breakdown_route("me", "Your calls of a month by endpoint and status")
        )
        def my_breakdown(period: MonthText = None) -> Reply:
            return self._breakdown(self._customer(), period)

        @app.get("/me/invoices", **document.invoices_route("me", "The invoices of your account"))
        def my_invoices() -> Reply:
            return self._reply(self._look_ups.invoices(self._customer()))

        @app.get("/me/invoices/<invoice>", **document.invoice_route("me", "An invoice of your account"))
        def my_invoice(invoice: InvoiceName) -> Reply:
            return self._invoice(self._customer(), invoice)

    def _operator_routes(self) -> None:
        app = self._app

        @app.get("/keys", **document.keys_route())
        def keys(limit: Limit = 50, next: Next = None, find: Find = None) -> Reply:  # noqa: A002 - the parameter's name
            found = self._for_operator().keys(limit, next, find)
            searched = {} if find is None else {"find": find}
            return self._reply(found, next_page({"limit": limit, **searched, "next": found.next}))

        @app.get(
            "/keys/<id>/usage",
            **document.usage_route("keys", "A key's usage in the current month, or in a range of days"),
        )
        def usage(id: KeyId, first: FirstDay = None, last: LastDay = None) -> Reply:  # noqa: A002 - as above
            self._for_operator()
            return self._usage(id, first, last)

        @app.get(
            "/keys/<id>/usage/<period>", **document.period_route("keys", "A key's usage in a month or day")
        )
        def usage_in(id: KeyId, period: PeriodText) -> Reply:  # noqa: A002 - as above
            return self._reply(self._for_operator().usage(id, Period(period)))

        @app.get(
            "/keys/<id>/quota", **document.quota_route("keys", "A key's plan, and what is used of its limits")
        )
        def quota(id: KeyId) -> Reply:  # noqa: A002 - as above
            return self._reply(self._for_operator().quota(id))

        @app.get("/traffic", **document.traffic_route())
        def traffic(period: MonthText = None) -> Reply:
            month = None if period is None else Period(period)
            return self._reply(self._for_operator().traffic(month))

        @app.get("/top", **document.top_route())
        def top(period: MonthText = None, metric: MetricName = Metric.REQUESTS, limit: Limit = 20) -> Reply:
            month = None if period is None else Period(period)
            return self._reply(self._for_operator().top(month, metric, limit))

        @app.get("/health", **document.health_route())
        def health() -> Reply:
            return self._reply(self._for_operator().health())

    def _account_routes(self) -> None:
        app = self._app

        @app.get("/keys/<id>/cost", **document.cost_route("keys", "What a key's account pays so far"))
        def cost(id: KeyId) -> Reply:  # noqa: A002 - as above
            return self._reply(self._for_operator().cost(id))

        @app.get(
            "/keys/<id>/breakdown",
            **document.breakdown_route("keys", "A key's calls of a month by endpoint and status"),
        )
        def breakdown(id: KeyId, period: MonthText = None) -> Reply:  # noqa: A002 - as above
            self._for_operator()
            return self._breakdown(id, period)

        @app.get("/keys/<id>/invoices", **document.invoices_route("keys", "The invoices of a key's account"))
        def invoices(id: KeyId) -> Reply:  # noqa: A002 - as above
            return self._reply(self._for_operator().invoices(id))

        @app.get(
            "/keys/<id>/invoices/<invoice>", **document.invoice_route("keys", "An invoice of a key's account")
        )
        def invoice(id: KeyId, invoice: InvoiceName) -> Reply:  # noqa: A002 - as above
            self._for_operator()
            return self._invoice(id, invoice)

    def _page_routes(self) -> None:
        app = self._app

        @app.get("/openapi.json", include_in_schema=False, enable_validation=False)
        def openapi() -> Reply:
            return document_reply(self.openapi, self._header("if-none-match"))

        @app.get("/", include_in_schema=False, enable_validation=False)
        def page() -> Reply:
            if address := address_of_folder(self._event):
                return redirect(address, self._index_headers)
            return file_reply(self._index, self._header("if-none-match"), self._index_headers)

        @app.get("/assets/<name>", include_in_schema=False, enable_validation=False)
        def asset(name: str) -> Reply:
            if name == reference.NAME:
                return file_reply(self.reference, self._header("if-none-match"), self._index_headers)
            found = self._page.assets.get(name)
            if found is None:
                raise NotFound("The page has no such file.")
            return file_reply(found, self._header("if-none-match"))

    def _problems(self) -> None:
        handles = self._app.exception_handler
        self._app.not_found(_not_found)
        handles(Problem)(lambda error: problem_reply(error.status, error.detail))
        handles(RequestValidationError)(
            lambda error: problem_reply(HTTPStatus.BAD_REQUEST, faults_of(error.errors()))
        )
        handles(MeterError)(self._unreadable)
        handles(Exception)(self._failed)

    def _unreadable(self, error: MeterError) -> Reply:
        if not isinstance(error, Transient):
            return self._failed(error)
        self._on_failure(error)
        return problem_reply(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The counters cannot be read now: try again in some seconds.",
            Retry_After=str(RETRY_SECONDS),
        )

    def _failed(self, error: Exception) -> Reply:
        self._on_failure(error)
        return problem_reply(
            HTTPStatus.INTERNAL_SERVER_ERROR, "The look-up has failed; the log of the function says why."
        )

    @property
    def _event(self) -> Event:
        event: Event = self._app.current_event.raw_event
        return event

    def _header(self, name: str) -> str | None:
        return self._app.current_event.headers.get(name)

    def _customer(self) -> str:
        """The key whose usage is asked for: that of a link, or the one that API Gateway names."""
        if not is_link(self._event):
            return key_of_customer(self._event)
        if self._links is None:
            raise Unauthorized("There are no links here.")
        return self._links.key_of(self._event)

    def _for_operator(self) -> UsageQueries:
        require_operator(self._event)
        return self._look_ups

    def _usage(self, key: str, first: str | None, last: str | None) -> Reply:
        days = days_between(first, last)
        if days is None:
            return self._reply(self._look_ups.usage(key))
        return self._reply(self._look_ups.usage_of_days(key, days))

    def _breakdown(self, key: str, period: str | None) -> Reply:
        month = None if period is None else Period(period)
        return self._reply(self._look_ups.breakdown(key, month))

    def _invoice(self, key: str, name: str) -> Reply:
        media_type = preferred(self._header("accept"), list(MEDIA_TYPES))
        file = self._look_ups.invoice(key, name, media_type)
        return saved_reply(file, self._header("if-none-match"))

    def _reply(self, answer: Answer, link: str | None = None) -> Reply:
        return reply(answer, self._header("accept"), self._header("if-none-match"), link)


def _route_of(event: Event) -> str:
    """The path of a request's route: those that take a link are the customer's own, so that they answer the
    same, and nothing else.
    """
    path = path_of(event)
    return f"/me/{path.removeprefix(FOLDER)}" if path.startswith(FOLDER) else path


def _not_found(_error: Exception) -> Reply:
    return problem_reply(HTTPStatus.NOT_FOUND, "There is nothing here: /openapi.json lists what there is.")


def _refuse_unknown_parameters(app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Reply:
    known = {field.alias for field in app.context["_route"].dependant.query_params}
    refuse_unknown(app.current_event.raw_event, known)
    reply: Reply = next_middleware(app)
    return reply
