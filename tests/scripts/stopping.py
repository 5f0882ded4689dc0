"""Stop an action before each of its steps, one after the other, in processes that really end."""

import errno
import itertools
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator


def kill() -> None:
    """What nobody can handle: SIGKILL, or the power that fails for this process alone."""
    os.kill(os.getpid(), signal.SIGKILL)


def terminate() -> None:
    """What `kill` and a container's end send."""
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def fail() -> None:
    """What a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


WAYS = {way.__name__: way for way in (kill, terminate, interrupt, fail)}


def stopping_at_each_step(action: Callable[[], object], way: Callable[[], None]) -> Iterator[int]:
    """Run the action in one child process after the other, stop each a step later; yield its step.

    A step is whatever Python raises an audit event for: each file that is opened, moved or deleted,
    each folder that is made or listed, each process that is started. The event precedes it.
    """
    for step in itertools.count():
        child = os.fork()
        if not child:
            _run_to(step, action, way)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status != _FAILED, f"the action failed by itself before step {step}"
        if status == _ENDED:
            return
        yield step


_STOPPED, _ENDED, _FAILED = 3, 4, 5

# Its server imports once what takes each of the processes longest.
_ALONE = multiprocessing.get_context("forkserver")
_ALONE.set_forkserver_preload(["pytest"])


def _run_to(step: int, action: Callable[[], object], way: Callable[[], None]) -> None:
    steps = itertools.count()
    stopped = False

    def hook(_event: str, _arguments: object) -> None:
        nonlocal stopped
        if not stopped and next(steps) == step:
            stopped = True
            way()

    sys.addaudithook(hook)
    try:
        action()
    except BaseException:
        if not stopped:
            traceback.print_exc()
            os._exit(_FAILED)
    finally:
        os._exit(_STOPPED if stopped else _ENDED)


def run_alone(function: Callable[..., None], *arguments: object) -> None:
    """Run a function of a module in a fresh process, which may fork: it has no threads.

    Raises:
        AssertionError: If it raised; the traceback is on stderr.
    """
    process = _ALONE.Process(target=function, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0
