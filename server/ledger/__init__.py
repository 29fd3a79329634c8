"""The hazard ledger (风险隐患台账): entries, the machine they go through, and a journal nobody can rewrite unseen.

Wire it as `Ledger(load_judgement(data), clock)`: its `record_alert` is the hook of the alerts.
`upkeep.tick` runs once a minute in a write transaction, `seal.note` after it.
"""
