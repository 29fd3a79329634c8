"""The ledger's own words for people, Chinese first."""

from __future__ import annotations

from server.alerts.alert import Alert

HAZARDS = {
    "smoke": "烟雾报警", "heat": "温度过高", "flame": "火焰", "fire": "火警", "co": "一氧化碳", "gas": "燃气泄漏",
    "electrical": "电气火灾隐患", "temperature": "温度异常", "fire-door": "防火门未关", "exit-locked": "安全出口锁闭",
    "door": "门异常", "intrusion": "人员入侵", "emergency": "一键报警", "water-level": "水位超限", "leak": "漏水",
    "water-person": "水域有人", "life-ring": "救生器材异常", "anomaly": "数值异常", "fault": "探测器故障",
}  # fmt: skip
SEVERITIES = {"critical": "紧急", "warning": "重要", "advisory": "提示", "fault": "故障"}


def describe(alert: Alert) -> str:
    """Say in one line what an alert found."""
    what = HAZARDS.get(alert.kind, alert.kind)
    words = f"{alert.name}：{what}（{SEVERITIES.get(alert.severity, alert.severity)}）"
    match alert.value:
        case bool() | None:
            pass
        case value:
            words += f"，读数 {value:.6g}{f' {alert.unit}' if alert.unit else ''}"
    return words
