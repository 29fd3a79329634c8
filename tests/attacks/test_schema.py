"""Every documented route, asked whatever its schema allows by every role, answers as documented and never fails."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from asking import Asked, Tally, ask, asked

from server.accounts.permissions import Role


def everything(server: Asked, roles: list[Role], examples: int, seed: int) -> Tally:
    tally = Tally()
    for role in roles:
        for operation in server.operations:
            ask(server, operation, role, "no1", examples, seed, tally)
    return tally


def test_no_route_fails_or_answers_what_it_does_not_document(tmp_path: Path) -> None:
    with asked(tmp_path) as server:
        tally = everything(server, [Role.ADMIN, Role.PRINCIPAL], 4, 1)
    assert tally.asked > 200
    assert tally.wrong == {}


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_no_route_fails_for_any_role_over_many_examples(tmp_path: Path) -> None:
    seed = random.randrange(2**31)
    print(f"seed {seed}")
    with asked(tmp_path) as server:
        tally = everything(server, list(Role), 60, seed)
    print(f"{tally.asked:,} requests")
    assert tally.wrong == {}
