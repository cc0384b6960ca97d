"""The soak of limits, cut to eight kills, for make check."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.execv(sys.executable, [sys.executable, "-B", HERE + "/limits", "--kills", "8"])
