# Made from the table in __init__.py by `python -m tests.stubs`.
from .columns import Column as Column
from .columns import open_column as open_column
from .opening import open_table as open_table
from .source import Batch as Batch
from .source import Source as Source
from .source import Spelling as Spelling
from .source import Unreadable as Unreadable
