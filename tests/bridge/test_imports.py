"""A bridge of one process imports nothing that only several need."""

import os
import subprocess
import sys


def test_one_process_does_not_need_redis() -> None:
    program = "import sys, bitrix24_bridge.server; sys.exit('redis' in sys.modules)"
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], check=False, env=environment)
    assert done.returncode == 0
