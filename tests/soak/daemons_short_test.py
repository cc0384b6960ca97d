"""The soak of daemons, cut to twelve kills, for make check."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.execv(sys.executable, [sys.executable, "-B", HERE + "/daemons", "--kills", "12"])
