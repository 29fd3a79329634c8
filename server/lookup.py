"""The rows of many keys at once, with all of the keys as one parameter."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Executable,
    Row,
    String,
    any_,
    bindparam,
    func,
    literal,
    select,
    tuple_,
)


class Lookup:
    """A query for the rows whose text columns together are one of many keys.

    It is made once for each kind of database: to build it anew for every transaction took longer than to run it.
    """

    def __init__(
        self, columns: Sequence[ColumnElement[Any]], query: Callable[[ColumnElement[bool]], Executable]
    ) -> None:
        """Take `query`, which is handed the condition."""
        self._columns, self._query = tuple(columns), query
        self._made: dict[str, Executable] = {}

    def rows(self, connection: Connection, keys: Collection[Any]) -> Sequence[Row[Any]]:
        """Return the rows of these keys: texts, or tuples of texts."""
        rows = [(key,) if isinstance(key, str) else tuple(key) for key in keys]
        dialect = connection.dialect.name
        statement = self._made.get(dialect)
        if statement is None:
            statement = self._made[dialect] = self._query(self._among(dialect))
        if dialect == "postgresql":
            given: dict[str, Any] = {f"k{i}": [row[i] for row in rows] for i in range(len(self._columns))}
        else:
            given = {"keys": json.dumps(rows)}
        return connection.execute(statement, given).all()

    def _among(self, dialect: str) -> ColumnElement[bool]:
        names = [f"k{i}" for i in range(len(self._columns))]
        if dialect == "postgresql":
            lists = [bindparam(name, type_=ARRAY(String)) for name in names]
            given = func.unnest(*lists).table_valued(*names).render_derived()
            wanted = select(*(given.c[name] for name in names))
        else:
            one = func.json_each(bindparam("keys", type_=String)).table_valued("value")
            wanted = select(*(func.json_extract(one.c.value, literal(f"$[{i}]")) for i in range(len(names))))
        return (tuple_(*self._columns) if len(names) > 1 else self._columns[0]).in_(wanted)


def one_of(connection: Connection, column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Match one of many values as one parameter: thousands of them would take longer to parse than to find."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    one = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(one.c.value))
