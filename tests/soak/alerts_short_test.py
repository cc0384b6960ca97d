"""The soak of alerts, cut to forty failures and six kills, for make check."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.execv(sys.executable, [sys.executable, "-B", HERE + "/alerts", "--failures", "40", "--kills",
                          "6"])
