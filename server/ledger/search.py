"""Find entries by any piece of text in time that does not grow with the ledger: an index of pairs of characters.

Chinese has no spaces, and people look for two characters (“食堂”), which trigram indexes cannot answer. So each entry's
text is cut into its overlapping pairs: FTS5 on SQLite, a GIN index of a tsvector on PostgreSQL. The index proposes,
the text itself decides: pairs that are there in another order are sorted out by the query.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, select, text

from server.ledger.tables import SEARCH, hazards

TEXTS = ("number", "place", "description", "responsible")
MOST = 5_000
"""More than so many proposals and the text is no longer rare: walking the newest entries finds a page of it sooner."""
_LONGEST = 60  # pairs asked for; the rest is left to the text itself
_PAGE = 2_000

_PUT = {
    "sqlite": f"INSERT OR REPLACE INTO {SEARCH} (rowid, grams) VALUES (:hazard, :grams)",  # noqa: S608 - own name
    "postgresql": f"INSERT INTO {SEARCH} (hazard, grams)"  # noqa: S608 - own name
    " VALUES (:hazard, array_to_tsvector(string_to_array(:grams, ' ')))"
    " ON CONFLICT (hazard) DO UPDATE SET grams = excluded.grams",
}
_ASK = {
    "sqlite": f"SELECT rowid FROM {SEARCH} WHERE {SEARCH} MATCH :asked LIMIT :most",  # noqa: S608 - own name
    "postgresql": f"SELECT hazard FROM {SEARCH} WHERE grams @@ CAST(:asked AS tsquery) LIMIT :most",  # noqa: S608
}


def put(connection: Connection, entries: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Put entries' texts into the index, or in place of what stood there; ids with the columns of `TEXTS`."""
    rows = [
        {"hazard": hazard, "grams": " ".join(sorted(grams(*(str(texts[name]) for name in TEXTS))))}
        for hazard, texts in entries
    ]
    if rows:
        connection.execute(text(_PUT[connection.dialect.name]), rows)


def put_again(connection: Connection, ids: Iterable[int]) -> None:
    """Read entries whose text was changed, and put them into the index anew."""
    wanted = list(ids)
    if wanted:
        query = select(hazards.c.id, *(hazards.c[name] for name in TEXTS)).where(hazards.c.id.in_(wanted))
        put(connection, [(row["id"], dict(row)) for row in connection.execute(query).mappings()])


def rebuild(connection: Connection) -> int:
    """Make the whole index anew from the entries; return how many."""
    connection.execute(text(f"DELETE FROM {SEARCH}"))  # noqa: S608 - own name
    query = select(hazards.c.id, *(hazards.c[name] for name in TEXTS)).order_by(hazards.c.id)
    n = last = 0
    while rows := connection.execute(query.where(hazards.c.id > last).limit(_PAGE)).mappings().all():
        put(connection, [(row["id"], dict(row)) for row in rows])
        n, last = n + len(rows), rows[-1]["id"]
    return n


def proposed(connection: Connection, words: str) -> list[int] | None:
    """Return the entries that may hold a text; None where there are too many for the index to help."""
    kind = connection.dialect.name
    asked_for = list(_asked(words))
    # A single character among longer pieces would only make the index read half of itself.
    long = [one for one in asked_for if not one[1]]
    wanted = list(itertools.islice(long or asked_for, _LONGEST))
    if not wanted:
        return None
    if kind == "sqlite":
        asked = " AND ".join(f'"{gram}"{"*" if open_ else ""}' for gram, open_ in wanted)
    else:
        asked = " & ".join(f"'{gram}'{':*' if open_ else ''}" for gram, open_ in wanted)
    found = list(connection.execute(text(_ASK[kind]), {"asked": asked, "most": MOST + 1}).scalars())
    return found if len(found) <= MOST else None


def surely_more(connection: Connection, words: str, most: int) -> bool:
    """Tell, where the index alone can, that more entries than so many hold a text: a single pair is never elsewhere."""
    asked_for = list(_asked(words))
    if len(asked_for) != 1 or asked_for[0][1]:
        return False
    asked = f'"{asked_for[0][0]}"' if connection.dialect.name == "sqlite" else f"'{asked_for[0][0]}'"
    found = connection.execute(text(_ASK[connection.dialect.name]), {"asked": asked, "most": most + 1})
    return len(found.all()) > most


def grams(*texts: str) -> set[str]:
    """Return the pairs of a text's characters, and each run's last character alone."""
    return {_token(run[i : i + 2]) for one in texts for run in one.lower().split() for i in range(len(run))}


def _asked(words: str) -> Iterator[tuple[str, bool]]:
    """Give the pairs a text must hold; a single character is only the beginning of one."""
    for run in words.lower().split():
        if len(run) == 1:
            yield _token(run), True
        for i in range(len(run) - 1):
            yield _token(run[i : i + 2]), False


@lru_cache(maxsize=20_000)
def _token(piece: str) -> str:
    """Write a pair so that no tokenizer cuts it: what is no usual letter, digit or sign becomes its code."""
    return "".join(
        ch if "0" <= ch <= "9" or "a" <= ch <= "z" or "一" <= ch <= "龥" else f"x{ord(ch):x}x" for ch in piece
    )
