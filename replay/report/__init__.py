"""The review as a page of its own: plain HTML, no script, no request to anywhere; prints to A4."""

from __future__ import annotations

from replay.report.page import page_of, write_review

__all__ = ["page_of", "write_review"]
