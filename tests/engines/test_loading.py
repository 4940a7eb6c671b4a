"""What engine B computes with is loaded when it first computes, and never more of it than that (R3)."""

import subprocess
import sys

CODE = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
import signals.pipeline.drain
from signals.engines.base import engine
from signals.engines import indicators
from tests.engines.hands import bars
heavy = ("numpy", "talib", "pandas", "yfinance")
engine("A"), engine("B")
print([name for name in heavy if name in sys.modules])
indicators.ema(bars(1, 2, 3).rows, period=2)
print([name for name in heavy if name in sys.modules])
import pandas
print(pandas.Series([1.0]).sum())
"""


def test_a_trade_worker_begins_without_them_and_pandas_stays_out():
    said = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["[]", "['numpy', 'talib']", "1.0"]
