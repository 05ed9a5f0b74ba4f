"""A workbook's file, before anybody reads what is in it: whether it is one, and no larger than it may be."""

from __future__ import annotations

import io
import re
import zipfile

from coordinator.runsheet.source import SourceError

MAX_BYTES = 5_000_000  # of the file
MAX_UNPACKED = 50_000_000  # of all that is in it
MAX_FILES = 500
_CELL = re.compile(rb"<c\b[^>]*?\br=\"([A-Z]{1,3}[0-9]{1,7})\"[^>]*>\s*<f\b")


def unpacked(data: bytes) -> tuple[bytes, list[str]]:
    """The workbook as an archive that holds what it says and nothing more, and the first cells with a formula.

    Whatever was packed is unpacked here, within a bound, and packed anew without compression: no length that the
    archive states is believed. Raises `SourceError`.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise SourceError("this workbook has a password, or is an old .xls; save it as .xlsx without a password")
    if len(data) > MAX_BYTES:
        raise SourceError("the workbook is larger than 5 MB; take out pictures and tabs that are no part of the sheet")
    out = io.BytesIO()
    formulas: list[str] = []
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed, zipfile.ZipFile(out, "w") as clean:
            names = packed.namelist()
            if len(names) > MAX_FILES:
                raise SourceError(f"the workbook holds {len(names)} parts, more than any sheet needs; save it anew")
            if "xl/workbook.xml" not in names:
                raise SourceError("this is an archive, but no workbook; save the sheet as .xlsx")
            for info in packed.infolist():
                if info.flag_bits & 0x1:
                    raise SourceError("this workbook has a password; save it without one")
                with packed.open(info) as part:
                    content = part.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise SourceError(
                        f"the workbook unpacks to more than {MAX_UNPACKED // 1_000_000} MB; copy the cells that are "
                        "filled in into a new workbook"
                    )
                if info.filename.startswith("xl/worksheets/"):
                    formulas += [cell.decode() for cell in _CELL.findall(content)]
                clean.writestr(info.filename, content)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError("this is no .xlsx workbook, or it is damaged; open it and save it anew as .xlsx") from None
    except Exception as error:  # zlib and lzma have errors of their own, and no common one
        raise SourceError("this .xlsx workbook is damaged; open it and save it anew") from error
    return out.getvalue(), formulas
