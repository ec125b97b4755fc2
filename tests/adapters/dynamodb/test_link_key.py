"""The key that signs links: random, one for all, and exchanged as a whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from adapters.dynamodb.link_key import SECRET_BYTES, LinkKeyBook
from tests.tables import create_tables


def test_made_once(dynamodb_local: str) -> None:
    """There is none until somebody needs it; of many who make it at once, all get the same."""
    tables = create_tables(dynamodb_local)
    book = LinkKeyBook(tables.dynamodb, tables.counters)
    assert book.current() is None
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda _: book.current_or_new(), range(4)))
    (key,) = made
    assert (SECRET_BYTES, key) == (len(key.secret), book.current())


def test_exchanged(dynamodb_local: str) -> None:
    """Name and secret are new, for every other reader too; where there is none, one is made."""
    tables = create_tables(dynamodb_local)
    book = LinkKeyBook(tables.dynamodb, tables.counters)
    keys = [book.exchange(), book.exchange(), book.exchange()]
    assert keys[-1] == LinkKeyBook(tables.dynamodb, tables.counters).current()
    assert [3, 3] == [len({key.id for key in keys}), len({key.secret for key in keys})]


def test_damaged(dynamodb_local: str) -> None:
    """A secret of another length, as an edit by hand leaves it, signs nothing."""
    tables = create_tables(dynamodb_local)
    book = LinkKeyBook(tables.dynamodb, tables.counters)
    item = {"pk": {"S": "links"}, "sk": {"S": "key"}, "kid": {"S": "k"}, "secret": {"B": b"short"}}
    tables.dynamodb.put_item(TableName=tables.counters, Item=item)
    assert book.current() is None
    assert SECRET_BYTES == len(book.exchange().secret)
