"""How agents get an identity of their own: join tokens, a small certificate authority, revocation."""
