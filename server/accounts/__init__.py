"""Who may do what: users, sessions, permissions, and the audit of what was done."""
