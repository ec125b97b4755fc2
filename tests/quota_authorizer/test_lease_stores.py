"""The contract of leases: in memory, on moto and on AWS's own engine."""

from __future__ import annotations

import pytest

from adapters.dynamodb.leases import DynamoDBLeases
from metering.quotas.ports import LeaseStore
from simulation.quotas.store import LeasesInMemory
from tests.quota_authorizer.lease_contract import LeaseContract, place
from tests.tables import create_tables

__all__ = ["place"]


def shipped(address: str) -> LeaseStore:
    """The shipped adapter, with new tables at an address."""
    tables = create_tables(address)
    return DynamoDBLeases(tables.counters, tables.updates(1))


@pytest.fixture(scope="module")
def on_moto(moto: str) -> LeaseStore:
    """The shipped adapter on moto."""
    return shipped(moto)


@pytest.fixture(scope="module")
def engine(dynamodb_local: str) -> LeaseStore:
    """The shipped adapter on DynamoDB Local."""
    return shipped(dynamodb_local)


class TestInMemory(LeaseContract):
    """The simulation's store."""

    @pytest.fixture
    def leases(self) -> LeaseStore:
        return LeasesInMemory()


class TestOnMoto(LeaseContract):
    """DynamoDB as moto plays it."""

    @pytest.fixture
    def leases(self, on_moto: LeaseStore) -> LeaseStore:
        return on_moto


class TestOnDynamoDBLocal(LeaseContract):
    """DynamoDB itself."""

    @pytest.fixture
    def leases(self, engine: LeaseStore) -> LeaseStore:
        return engine
