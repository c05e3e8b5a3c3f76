from __future__ import annotations

import numpy as np
import pytest

from augur_edge.errors import UsageError
from augur_edge.tables.archtable import table_of
from augur_edge.tables.join import joined

A = table_of("nasbench201", [[1] * 6, [2] * 6], {"a": ([1, 2], "s")}, "a.pickle")
B = table_of("nasbench201", [[2] * 6, [3] * 6], {"b": ([5.5, 7], "ms")}, "b.npz")


def test_a_table_of_several_files_has_what_any_has():
    found = joined([A, B])
    assert found.vectors.tolist() == [[1] * 6, [2] * 6, [3] * 6] and found.where == "a.pickle, b.npz"
    assert found.columns["a"].values[:2].tolist() == [1e9, 2e9] and np.isnan(found.columns["a"].values[2])
    assert np.isnan(found.columns["b"].values[0]) and found.columns["b"].values[1:].tolist() == [5.5e6, 7e6]
    assert (found.columns["a"].step, found.columns["b"].step) == (1e9, 0.0)
    rows, _, remarks = found.usable("b")
    assert rows.tolist() == [1, 2] and "1 of 3 have no figure" in remarks[0]


def test_one_table_stays_as_it_is():
    assert joined([A]) is A


def test_what_cannot_be_joined_is_said():
    with pytest.raises(UsageError, match=r"the column 'a' is in a.pickle and in a.pickle"):
        joined([A, A])
    other = table_of("fbnet", [[0] * 22], {"c": ([1], "ms")}, "f.npz")
    with pytest.raises(UsageError, match=r"f.npz is of fbnet, a.pickle of nasbench201"):
        joined([A, other])
