"""Sentences about photos and regions (Eq. 13-15), searched for, ranked and measured."""
