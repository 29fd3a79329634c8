"""Safekeeping: a copy of all the server keeps, made while it runs, put back, or carried into another database."""
