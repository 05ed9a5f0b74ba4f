"""Recorded group chats of several formats, read into one shape: who did what, how long after the start."""

from __future__ import annotations

from coordinator.demo.recordings.base import BadLine, Observed, Recording, RecordingError
from coordinator.demo.recordings.reading import read_recording

__all__ = ["BadLine", "Observed", "Recording", "RecordingError", "read_recording"]
