"""The API: `/api/v1`, thin and typed, errors declared as problem+json."""
