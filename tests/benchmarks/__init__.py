"""Measurements that take minutes: run by hand, one at a time, on a quiet machine."""
