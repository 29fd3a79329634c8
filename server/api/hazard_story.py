"""One entry with all that happened to it, said in people's words, and what may be done next."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from config.judgement import Judgement
from server.api.hazard_views import HazardView, Step
from server.ledger.ahead import Ahead, label
from server.ledger.entry import STATE_NAMES
from server.ledger.machine import TRANSITIONS

_ACTIONS: dict[str, str] = {
    **{t.action: t.zh for t in TRANSITIONS},
    "open": "发现", "join": "再次上报", "merged": "并入他条", "evidence": "取证",
    "overdue": "逾期", "notice": "提醒", "carry": "结转",
    "alert-raised": "再次报警", "alert-repeated": "再次报警", "alert-lasted": "故障持续", "alert-cleared": "报警解除",
    "alert-acked": "已知晓", "alert-normal": "恢复正常", "alert-reset": "复位", "alert-shelved": "搁置",
    "alert-unshelved": "恢复显示", "alert-commented": "备注", "alert-named": "补名称",
}  # fmt: skip
_SHOWN = Step.model_fields.keys() - {"version", "into"}


class StepView(BaseModel):
    """One step ahead: `missing` are columns it still wants, `refused` says why this person may not take it."""

    action: str
    text: str
    fields: list[str]
    missing: list[str] = []
    missing_text: list[str] = []
    refused: str = ""
    roles: list[str] = []

    @classmethod
    def of(cls, step: Ahead, judgement: Judgement) -> StepView:
        """Show a step."""
        transition = step.transition
        return cls(
            action=transition.action, text=transition.zh, fields=list(transition.fields), missing=list(step.missing),
            missing_text=[label(field, judgement) for field in step.missing], refused=step.refused,
            roles=sorted(transition.roles),
        )  # fmt: skip


class StoryView(HazardView):
    """One entry with all that happened to it, and what this person may do next; `main` comes next, whoever may."""

    story: list[dict[str, Any]]
    next: list[StepView]
    main: StepView | None
    lacking: list[str]
    alerts: list[dict[str, Any]]
    cameras: list[dict[str, Any]]
    still_days: int = Field(default=0, description="how long the stills of its alerts are kept")


def told(row: dict[str, Any], judgement: Judgement) -> dict[str, Any]:
    """Say one row of the journal in people's words."""
    words: str = _ACTIONS.get(row["action"], "") or row["action"]
    states = {state.value: zh for state, zh in STATE_NAMES.items()}
    if row["from"] and row["from"] != row["to"]:
        words += f"（{states.get(row['from'], row['from'])} → {states.get(row['to'], row['to'])}）"
    given = {name: value for name, value in row["body"].get("set", {}).items() if name in _SHOWN and value}
    if "deadline" in given:
        zone = judgement.timers.zone
        given["deadline"] = f"{datetime.fromisoformat(given['deadline']).astimezone(zone):%Y-%m-%d %H:%M}"
    shown = [str(judgement.words(name).get(str(value), value)) for name, value in given.items()]
    if still := row["body"].get("evidence", {}).get("still"):
        words += f"（另有 {still['camera']} 的打码画面，到期删除，SHA-256 {still['sha256'][:16]}…）"
    if row["action"] != "open" and shown:
        words += "：" + "，".join(shown)
    return {**row, "text": words}
