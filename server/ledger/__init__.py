"""The hazard ledger (风险隐患台账): entries, the machine they go through, and a journal nobody can rewrite unseen."""
