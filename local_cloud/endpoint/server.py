"""One AWS endpoint in this process: moto, with whole APIs taken over by services of our own.

moto keeps no lock and loses updates under threads, so its requests run one at a time. Services run beside it.
"""

import base64
import io
import json
import logging
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import boto3
from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.logs import models as moto_logs
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3 import models as moto_s3

from local_cloud.endpoint.http_server import HttpServer, StartResponse
from local_cloud.endpoint.log_events import StoredLogStream, untracked
from local_cloud.endpoint.object_contents import CONTENTS_ON_DISK
from local_cloud.endpoint.service import AwsError, Service
from local_cloud.playback.clock import LogClock

logger = logging.getLogger(__name__)

REGION = "us-east-1"
_FIRST_ACCOUNT = 123456789012
Action = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""Answers a request of the AWS JSON protocol, or leaves it to moto."""

_USAGE = re.compile(r"/usageplans/([^/]+)/usage")
_PUT_LOG_EVENTS = ("Logs_20140328", "PutLogEvents")
_NOT_RUNNING = "the local endpoint is not running: use it as a context manager"

_moto_lock = threading.Lock()
_accounts_in_use: set[int] = set()

_session_lock = threading.Lock()


class LocalEndpoint:
    """An AWS endpoint on 127.0.0.1, as a context manager.

    Every endpoint has an account of its own (the first is 123456789012), so that several may live in one
    process; what an account holds is gone when its endpoint stops.
    """

    def __init__(self, clock: LogClock | None = None, dynamodb_endpoint: str | None = None) -> None:
        self.clock = clock or LogClock()
        self.region = REGION
        self._account: int | None = None
        self._dynamodb_endpoint = dynamodb_endpoint
        self._buckets: dict[str, tuple[str, str]] = {}
        self._services: dict[str, Service] = {}
        self._moto = _Dispatcher(create_backend_app)
        self.on_log_events: Callable[[str, int], None] = lambda _log_group, _events: None
        """Called with the log events that a log group has taken in."""
        self.usage_of_plan: Callable[[str, str, str], Mapping[str, Any]] | None = None
        """Answers GetUsage of a plan, from a day until a day, which moto does not have."""
        self._actions: dict[tuple[str, str], Action] = {}
        self._server: HttpServer | None = None

    def __enter__(self) -> Self:
        self._account = _reserve_account()
        self._server = HttpServer(self._serve, name="local-aws")
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, drop open connections and forget all that was stored."""
        if self._server is None:
            return
        self._server.stop()
        self._server = None
        self._forget_account()

    def take_over(self, service: Service) -> None:
        """From now on ``service`` answers its API in place of moto."""
        self._services[service.target_prefix] = service

    def answer_action(self, action: tuple[str, str], answer: Action) -> None:
        """From now on `answer` answers this action of an API, where it has an answer, and moto where not."""
        self._actions[action] = answer

    @property
    def account_id(self) -> str:
        """The twelve digits of the account that this endpoint serves.

        Raises:
            RuntimeError: the endpoint is not running.
        """
        if self._account is None:
            raise RuntimeError(_NOT_RUNNING)
        return str(self._account)

    @property
    def endpoint_url(self) -> str:
        """The address for ``AWS_ENDPOINT_URL``.

        Raises:
            RuntimeError: the endpoint is not running.
        """
        if self._server is None:
            raise RuntimeError(_NOT_RUNNING)
        return self._server.url

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which boto3 and pynamodb talk to this endpoint."""
        environment = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self._dynamodb_endpoint:
            environment["AWS_ENDPOINT_URL_DYNAMODB"] = self._dynamodb_endpoint
        return environment

    def client(self, service_name: str, **options: Any) -> Any:
        """A boto3 client of this endpoint, whatever the process's environment says."""
        with _session_lock:
            return _session().client(service_name, **self.access(service_name), **options)  # type: ignore[call-overload]  # any service's name

    def access(self, service_name: str) -> dict[str, str]:
        """What a client of a service needs to get here: arguments of boto3."""
        external = self._dynamodb_endpoint if service_name == "dynamodb" else None
        return {
            "endpoint_url": external or self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",  # the endpoint checks no signature
        }

    def _serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        prefix, _, action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
        service = self._services.get(prefix)
        if (usage := self._usage(environ)) is not None:
            start_response("200 OK", _json_headers())
            return [encode(usage)]
        if (prefix, action) in self._actions:
            body = environ["wsgi.input"].read()
            if (found := self._actions[prefix, action](_decode(body))) is not None:
                start_response("200 OK", _json_headers())
                return [encode(found)]
            environ["wsgi.input"] = io.BytesIO(body)
        if service is None and (prefix, action) == _PUT_LOG_EVENTS:
            return self._put_log_events(environ, start_response)
        if service is None:
            return self._serve_moto(environ, start_response)
        status, answer = answer_request(service, action, environ["wsgi.input"].read())
        start_response(f"{status.value} {status.phrase}", _json_headers())
        return [answer]

    def _usage(self, environ: dict[str, Any]) -> Mapping[str, Any] | None:
        match = _USAGE.fullmatch(environ["PATH_INFO"])
        if match is None or self.usage_of_plan is None or environ["REQUEST_METHOD"] != "GET":
            return None
        days = dict(parse_qsl(environ["QUERY_STRING"]))
        return self.usage_of_plan(match.group(1), days["startDate"], days["endDate"])

    def _put_log_events(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Let moto take log events in, and count them if it did."""
        body, statuses = environ["wsgi.input"].read(), []
        environ["wsgi.input"] = io.BytesIO(body)

        def note(status: str, *rest: Any) -> Any:
            statuses.append(status)
            return start_response(status, *rest)

        answer = self._serve_moto(environ, note)
        if statuses[-1].startswith("200"):
            request = json.loads(body)
            self.on_log_events(request["logGroupName"], len(request["logEvents"]))
        return answer

    def _serve_moto(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account_id
        with _moto_lock, self._own_moto():
            return list(self._moto(environ, start_response))

    @contextmanager
    def _own_moto(self) -> Iterator[None]:
        """moto, which is one for the process, with this endpoint's time for logs, its names of buckets,
        and large contents on disk. Before and after it is as it was.
        """
        with (
            _replaced(moto_logs, "utcnow", lambda: self.clock.now().replace(tzinfo=None)),
            _replaced(moto_s3.s3_backends, "bucket_accounts", self._buckets),
            _replaced(moto_s3, "tempfile", CONTENTS_ON_DISK),
            _replaced(moto_logs, "LogStream", StoredLogStream),
            _replaced(BaseModel, "__new__", untracked),
        ):
            yield

    def _forget_account(self) -> None:
        with _moto_lock, self._own_moto():
            # Every service that was used, also one that was used by another only.
            for accounts in list(BackendDict._instances):  # type: ignore[misc]  # noqa: SLF001 - as moto itself does
                if self.account_id in list(accounts):
                    accounts[self.account_id].reset()
                    del accounts[self.account_id]
            _accounts_in_use.discard(int(self.account_id))
        self._account = None


class _Dispatcher(DomainDispatcherApplication):
    """moto's choice of a backend, which looks through its folders and patterns anew for each request; what it
    finds for a host does not change.
    """

    def __init__(self, create_app: Callable[..., Any]) -> None:
        super().__init__(create_app)
        self._backends: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """The name of the backend for a host or a service."""
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]


@cache
def _session() -> boto3.session.Session:
    """One for all clients: it keeps the descriptions of services, which take 100 ms to read.

    It is not safe for threads; its clients are.
    """
    return boto3.session.Session()


@contextmanager
def _replaced(holder: object, name: str, value: object) -> Iterator[None]:
    real = vars(holder)[name]
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, real)


def answer_request(service: Service, action: str, body: bytes) -> tuple[HTTPStatus, bytes]:
    """Let a service answer one request of the AWS JSON protocol: the HTTP status and the body."""
    try:
        return HTTPStatus.OK, encode(service.handle(action, _decode(body)))
    except AwsError as error:
        return HTTPStatus(error.status), encode({"__type": error.code, "message": error.message})
    except Exception as error:
        logger.exception("%s.%s failed", service.target_prefix, action)
        return HTTPStatus.INTERNAL_SERVER_ERROR, encode({"__type": "InternalFailure", "message": repr(error)})


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", str(error)) from error
    if not isinstance(request, dict):
        raise AwsError("SerializationException", "the request is not a JSON object")
    return request


def encode(answer: Mapping[str, Any]) -> bytes:
    """An answer in the AWS JSON protocol: blobs in base64, times in epoch seconds."""
    return json.dumps(answer, default=_encode_value, separators=(",", ":")).encode()


def _encode_value(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"an answer cannot hold {value!r}")


def _json_headers() -> list[tuple[str, str]]:
    return [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", str(uuid.uuid4()))]


def _reserve_account() -> int:
    with _moto_lock:
        account = _FIRST_ACCOUNT
        while account in _accounts_in_use:
            account += 1
        _accounts_in_use.add(account)
    return account
