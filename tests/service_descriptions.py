"""What botocore makes of its descriptions of services, made once by each pytest process.

A boto3 session reads the description of each service anew (0.1 s of the processor each time), looks at the
signature of each of its handlers, and makes a class and a set of endpoint rules for each client (9 to 28 ms).
Nearly every test of the border makes a session and some clients. All of it follows from the files of the
installed botocore, which do not change while tests run: so the sessions and clients of a process share it
(2 ms). They share nothing else: settings, credentials, handlers and connections are each client's own.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from botocore import hooks, regions
from botocore.client import ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.hooks import EVENT_ALIASES, EventAliaser
from botocore.loaders import Loader

if TYPE_CHECKING:
    from collections.abc import Callable

_read: dict[object, Any] = {}
_aliases: dict[str, str] = {}
_classes: dict[str, type] = {}
_providers: dict[tuple[int, int, bool], EndpointProvider] = {}
_init_loader = Loader.__init__
_init_aliaser = EventAliaser.__init__
_create_client_class = ClientCreator._create_client_class  # type: ignore[attr-defined]  # noqa: SLF001
_takes_any_name = cache(hooks.accepts_kwargs)


def pytest_configure(config: pytest.Config) -> None:
    """Let all sessions share what they have read and made until the end of the process."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Loader, "__init__", _with_shared_descriptions)
    patch.setattr(EventAliaser, "__init__", _with_shared_aliases)
    patch.setattr(ClientCreator, "_create_client_class", _shared_class)
    patch.setattr(regions, "EndpointProvider", _shared_provider)
    patch.setattr(hooks, "accepts_kwargs", _accepts_kwargs)
    config.add_cleanup(patch.undo)


def _with_shared_descriptions(loader: Loader, *arguments: Any, **options: Any) -> None:
    _init_loader(loader, *arguments, **options)
    loader._cache = _read  # type: ignore[attr-defined]  # noqa: SLF001 - botocore offers no other way


def _with_shared_aliases(aliaser: EventAliaser, emitter: Any, event_aliases: Any = None) -> None:
    _init_aliaser(aliaser, emitter, event_aliases)
    if event_aliases in (None, EVENT_ALIASES):
        aliaser._alias_name_cache = _aliases  # type: ignore[attr-defined]  # noqa: SLF001 - likewise


def _shared_class(creator: ClientCreator, service_name: str, service_model: Any) -> type:
    """The class of a service's clients. Its methods depend on the description alone."""
    if service_name not in _classes:
        _classes[service_name] = _create_client_class(creator, service_name, service_model)
    return _classes[service_name]


def _shared_provider(*, ruleset_data: Any, partition_data: Any, excluded_params: Any = None) -> Any:
    """The endpoint rules of a service. Descriptions are shared, so that each is one object."""
    key = (id(ruleset_data), id(partition_data), excluded_params is None)
    if key not in _providers:
        _providers[key] = EndpointProvider(
            ruleset_data=ruleset_data, partition_data=partition_data, excluded_params=excluded_params
        )
    return _providers[key]


def _accepts_kwargs(handler: Callable[..., object]) -> object:
    """A method is its function here, so that its object is not kept."""
    return _takes_any_name(getattr(handler, "__func__", handler))
