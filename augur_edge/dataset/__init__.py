"""Measured layers as rows of numbers, read from a store or a table; numpy alone, so the device can adapt from them."""
