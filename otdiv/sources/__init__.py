"""Tables of any kind by column: files, folders, workbooks, data bases, frames, arrays."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Batch": "source",
        "Column": "columns",
        "Source": "source",
        "Spelling": "source",
        "Unreadable": "source",
        "open_column": "columns",
        "open_table": "opening",
    },
)
