"""Marks of tests that need what some systems have not, and a guard for their helpers."""

from __future__ import annotations

import os
import sys

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_interrupts = pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
needs_descriptors = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
needs_loopback_addresses = pytest.mark.skipif(
    sys.platform != "linux", reason="only 127.0.0.1 belongs to the loopback interface there"
)
