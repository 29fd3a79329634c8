"""Errors as problem+json (RFC 9457), and how to declare them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from server.errors import RefusedError, ServerError, UnknownError

TOO_LARGE = "内容太大，没有收下：请减少内容或分几次提交"


class Problem(ServerError):  # noqa: N818 - named as the RFC names it
    """An answer that is an error."""

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers


class ProblemView(BaseModel):
    """What went wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare which errors a route answers, for OpenAPI."""
    texts = {
        401: "No session", 403: "Not allowed", 404: "Unknown", 409: "Not possible now",
        413: "Too large", 422: "Not understood", 429: "Too many tries",
        501: "Not installed here", 503: "Cannot be written now",
    }  # fmt: skip
    return {
        status: {
            "description": texts[status],
            "content": {"application/problem+json": {"schema": ProblemView.model_json_schema()}},
        }
        for status in statuses
    }


def answer(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Make the answer of a problem."""
    body = ProblemView(title=title, status=status, detail=detail).model_dump()
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Let every error of the application come out as a problem."""

    @app.exception_handler(Problem)
    async def problem(_request: Request, e: Problem) -> JSONResponse:
        return answer(e.status, e.title, e.detail, e.headers)

    @app.exception_handler(UnknownError)
    async def unknown(_request: Request, e: UnknownError) -> JSONResponse:
        return answer(404, "Unknown", str(e))

    @app.exception_handler(RefusedError)
    async def refused(_request: Request, e: RefusedError) -> JSONResponse:
        return answer(409, "Not possible now", str(e))

    @app.exception_handler(ServerError)
    async def unwritable(_request: Request, e: ServerError) -> JSONResponse:
        return answer(503, "Cannot be done now", str(e))

    @app.exception_handler(HTTPException)
    async def http(_request: Request, e: HTTPException) -> JSONResponse:
        # A body that is not even text or a form is no other mistake than one of a wrong shape.
        status = 422 if e.status_code == 400 else e.status_code
        detail = TOO_LARGE if status == 413 else str(e.detail)
        return answer(status, str(e.detail), detail, dict(e.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, e: RequestValidationError) -> JSONResponse:
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in e.errors()]
        return answer(422, "Not understood", "; ".join(lines))

    _ = (problem, unknown, refused, unwritable, http, invalid)
