#!/usr/bin/env python3
# crontab_cronie_test: the same calls of crontab(1) must give the same bytes as cronie's.
# Flow: crontab_test in dialect cronie, with cases and transcripts of its own.
"""Transcripts of crontab(1) against cronie's, and what the tool does under faults."""

import os
import sys

os.environ["CRONTAB_DIALECT"] = "cronie"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import crontab_test  # noqa: E402

if __name__ == "__main__":
    sys.exit(crontab_test.main())
