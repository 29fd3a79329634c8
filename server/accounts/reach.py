"""How far an account sees: every school, some schools, or some grids of a school. What is not named is not seen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from server.accounts.tables import user_reach
from server.duties.tables import subjects
from server.errors import RefusedError

EVERY = "*"
MOST = 2_000  # schools and grids of one account
_SITE = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class Reach:
    """Schools an account sees; `grids` names the schools of which it sees some grids only.

    Alarms, points, drills and waters are shown of the whole school: who stands in the next grid must hear of a fire.
    The ledger, duties and checkpoints go by grid.
    """

    sites: frozenset[str] | None = None
    """None: every school."""
    grids: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @classmethod
    def of(cls, *sites: str) -> Reach:
        """Return the reach over whole schools."""
        return cls(frozenset(sites))

    @property
    def only(self) -> str:
        """The one school, empty where it is none or several."""
        return next(iter(self.sites)) if self.sites is not None and len(self.sites) == 1 else ""

    def sees(self, site: str) -> bool:
        """Tell whether a school is within, in whole or in part."""
        return self.sites is None or site in self.sites

    def sees_grid(self, site: str, *names: str) -> bool:
        """Tell whether a grid, by any of its names, is within."""
        return self.sees(site) and (site not in self.grids or not self.grids[site].isdisjoint(names))

    def at(self, site: str) -> Reach:
        """Narrow to the school that is asked for; an account of one school stays at it, whatever is asked."""
        if not site or self.only:
            return self
        grids = {site: self.grids[site]} if site in self.grids else {}
        return Reach(frozenset({site} if self.sees(site) else ()), grids)

    def where(self, column: ColumnElement[str]) -> Sequence[ColumnElement[bool]]:
        """Return the conditions that keep a query within these schools."""
        if self.sites is None:
            return ()
        return (column == self.only,) if self.only else (column.in_(sorted(self.sites)),)

    def among(self, sites: Iterable[str]) -> tuple[str, ...]:
        """Return those of some schools that are within."""
        return tuple(site for site in sites if self.sees(site))

    def within(self, other: Reach) -> bool:
        """Tell whether all of this is seen by the other too."""
        if other.sites is None:
            return True
        if self.sites is None or not self.sites <= other.sites:
            return False
        return all(other.grids[site] >= self.grids.get(site, {""}) for site in self.sites & other.grids.keys())

    def words(self) -> list[str]:
        """Write it down: `*`, `SITE` or `SITE/GRID`."""
        if self.sites is None:
            return [EVERY]
        return [
            f"{site}/{grid}" if grid else site
            for site in sorted(self.sites)
            for grid in sorted(self.grids.get(site, {""}))
        ]


EVERYWHERE = Reach()


def parse(words: Collection[str]) -> Reach:
    """Read what `words` writes; refuse what is no school or names nothing."""
    given = [word.strip() for word in words if word.strip()]
    if given == [EVERY]:
        return EVERYWHERE
    if not given or len(given) > MOST:
        raise RefusedError(f"范围：请填写 1 至 {MOST} 个学校（SITE）或网格（SITE/GRID），全部学校填“*”")
    whole: set[str] = set()
    grids: dict[str, set[str]] = {}
    for word in given:
        site, slash, grid = word.partition("/")
        named = bool(grid.strip()) and len(grid) <= 80 and grid.isprintable()
        if not _SITE.fullmatch(site) or (slash and not named):
            raise RefusedError(f"范围：“{word[:80]}”应为 SITE（小写字母、数字、-）或 SITE/GRID，全部学校单独填“*”")
        if slash:
            grids.setdefault(site, set()).add(grid.strip())
        else:
            whole.add(site)
    parts = {site: frozenset(found) for site, found in grids.items() if site not in whole}
    return Reach(frozenset(whole | parts.keys()), parts)


def put(connection: Connection, user: int, reach: Reach) -> None:
    """Write down how far a user sees, in place of what stood there."""
    connection.execute(delete(user_reach).where(user_reach.c.user == user))
    rows = [word.partition("/") for word in reach.words()]
    if rows:
        connection.execute(insert(user_reach), [{"user": user, "site": s, "grid": grid} for s, _, grid in rows])


def of_users(connection: Connection, users: Collection[int] | None = None) -> dict[int, Reach]:
    """Return how far users see, those named or all; one without a row sees nothing and is not in it."""
    query = select(user_reach)
    if users is not None:
        query = query.where(user_reach.c.user.in_(users))
    rows: dict[int, list[str]] = {}
    for user, site, grid in connection.execute(query):
        rows.setdefault(user, []).append(f"{site}/{grid}" if grid else site)
    return {user: parse(words) for user, words in rows.items()}


def of_user(connection: Connection, user: int) -> Reach:
    """Return how far one user sees; a grid is known by its id and by its name."""
    reach = of_users(connection, [user]).get(user, Reach.of())
    if not reach.grids:
        return reach
    c = subjects.c
    known = select(c.site, c.id, c.name).where(c.kind == "grid", c.site.in_(sorted(reach.grids)))
    grids = dict(reach.grids)
    for site, id_, name in connection.execute(known):
        if not reach.grids[site].isdisjoint({id_, name}):
            grids[site] |= {id_, name}
    return Reach(reach.sites, grids)


def covering(sites: Collection[str]) -> ColumnElement[bool]:
    """Match the rows of `user_reach` that see one of these schools, or every school."""
    return or_(user_reach.c.site == EVERY, user_reach.c.site.in_(sites))
