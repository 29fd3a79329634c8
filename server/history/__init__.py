"""Readings: the newest value of each point, and the course of them all."""
