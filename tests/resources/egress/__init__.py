"""Tests of resources/egress."""
