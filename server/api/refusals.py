"""What the ledger refuses, as answers: 403 for a wrong person, 409 for a wrong time, 422 for wrong words."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from server.api.problems import Problem
from server.ledger.guards import ImportRefusedError, MissingError, PersonError
from server.ledger.machine import ForbiddenError


@contextmanager
def refusals() -> Generator[None]:
    """Turn a refusal into its answer; the sentence stays."""
    try:
        yield
    except (MissingError, ImportRefusedError) as e:
        raise Problem(422, "Not understood", str(e)) from e
    except PersonError as e:
        raise Problem(403, "Not allowed", str(e)) from e
    except ForbiddenError as e:
        raise Problem(403 if e.role else 409, "Not allowed" if e.role else "Not possible now", str(e)) from e
