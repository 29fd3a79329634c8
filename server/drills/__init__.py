"""Drills timed at the exits: pure engine, storage, live board, record."""
