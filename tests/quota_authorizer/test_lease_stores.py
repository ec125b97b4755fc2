"""The contract of leases: in memory, on moto and on AWS's own engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.dynamodb.leases import DynamoDBLeases
from local_cloud.endpoint.server import LocalEndpoint
from metering.quotas.ports import LeaseStore
from simulation.quotas.store import LeasesInMemory
from tests.quota_authorizer.lease_contract import LeaseContract, place
from tests.tables import create_tables

__all__ = ["place"]


@pytest.fixture(scope="module")
def moto() -> Iterator[LeaseStore]:
    """The shipped adapter on moto."""
    with LocalEndpoint() as running:
        tables = create_tables(running.endpoint_url)
        yield DynamoDBLeases(tables.counters, tables.updates(1))


@pytest.fixture(scope="module")
def engine(dynamodb_local: str) -> LeaseStore:
    """The shipped adapter on DynamoDB Local."""
    tables = create_tables(dynamodb_local)
    return DynamoDBLeases(tables.counters, tables.updates(1))


class TestInMemory(LeaseContract):
    """The simulation's store."""

    @pytest.fixture
    def leases(self) -> LeaseStore:
        return LeasesInMemory()


class TestOnMoto(LeaseContract):
    """DynamoDB as moto plays it."""

    @pytest.fixture
    def leases(self, moto: LeaseStore) -> LeaseStore:
        return moto


class TestOnDynamoDBLocal(LeaseContract):
    """DynamoDB itself."""

    @pytest.fixture
    def leases(self, engine: LeaseStore) -> LeaseStore:
        return engine
