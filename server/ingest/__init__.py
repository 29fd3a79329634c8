"""From the broker into the ledger's tables: decode, commit, receipt."""
