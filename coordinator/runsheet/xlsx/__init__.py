"""Sheets as workbooks, which is how people write them: read with the cell of each fault, written to go on with."""

from coordinator.runsheet.xlsx.reading import from_xlsx
from coordinator.runsheet.xlsx.writing import to_xlsx

__all__ = ["from_xlsx", "to_xlsx"]
