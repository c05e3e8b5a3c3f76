"""pandas and pyarrow in and out: measurements and predictions as data frames.

What is taken may be a pandas DataFrame or a pyarrow Table; what is given is pandas, `pyarrow.Table.from_pandas` away.
`NetworkCost` and `Found` have a `to_frame` of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge.errors import DataError, UsageError
from augur_edge.extras import pandas
from augur_edge.predict import Predictor

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["measurements", "predict"]
ARCHITECTURE = "architecture"


def measurements(store: str | Path, runs: str | Sequence[str] = "last") -> pd.DataFrame:
    """A row for each measurement of the runs, columns as `export --format parquet` has them, what is unknown as None.

    runs: `last`, ids or how they begin. Raises UsageError for a run or a store that is not there.
    """
    from augur_edge.store import Store
    from augur_edge.store.flat import COLUMNS, flat_rows

    frames = pandas()
    with Store(Path(store), create=False) as found:
        ids = [found.resolve(run) for run in ([runs] if isinstance(runs, str) else runs)]
        return frames.DataFrame([row for run in ids for row in flat_rows(found.load(run))], columns=list(COLUMNS))


def predict(frame: Any, predictor: Predictor | str | Path) -> pd.Series:
    """The predictor's answer for each row, a Series with the frame's index that is called as the target (latency_ns).

    frame: layers as Augur's eight columns, the sixteen of predict.encode.FIELDS or `spec` (as `measurements` has them;
    rows without a spec are answered NaN); for a predictor of a search space a column `architecture` of texts.
    Raises DataError, with the row, for what is none.
    """
    rows = frame if hasattr(frame, "iloc") else frame.to_pandas()
    asked = predictor if isinstance(predictor, Predictor) else Predictor.load(predictor)
    if asked.takes_layers:
        answers = _of_layers(rows, asked)
    elif asked.vector_length:
        answers = _of_architectures(rows, asked)
    else:
        raise DataError(f"a predictor of {asked.encoder} takes an array of ready features: predictor.predict_many")
    return pandas().Series(answers, index=rows.index, name=asked.target)


def _of_layers(rows: Any, predictor: Predictor) -> Any:
    import numpy as np

    from augur_edge.dataset.lines import layer_of, shape_of

    shape = shape_of("the frame", list(rows.columns))
    answers = np.full(len(rows), np.nan)
    lines = rows[list(shape)].to_dict("records")
    known = [i for i, line in enumerate(lines) if shape != ("spec",) or isinstance(line["spec"], str)]
    if known:
        layers = [layer_of(f"row {rows.index[i]}", shape, lines[i]) for i in known]
        answers[known] = predictor.predict_many(np.array(layers, np.int64))
    return answers


def _of_architectures(rows: Any, predictor: Predictor) -> Any:
    import numpy as np

    if ARCHITECTURE not in rows.columns:
        raise DataError(f"the frame has no column {ARCHITECTURE!r}; it has {', '.join(map(str, rows.columns))}")
    vectors = [_vector(predictor, f"row {index}", text) for index, text in zip(rows.index, rows[ARCHITECTURE])]
    return predictor.predict_many(np.array(vectors, np.uint8).reshape(-1, predictor.vector_length)).astype(float)


def _vector(predictor: Predictor, where: str, text: object) -> tuple[int, ...]:
    try:
        return predictor.vector_of(str(text))
    except UsageError as error:
        raise DataError(f"{where}: {error}") from None
