"""Tasks for the workers of a Dask cluster: submitted, listened to, answered, stopped.

Dask decides which worker does what, and gives the task of a worker that was lost to another
one. All that happens here happens in one thread, in the order in which the news come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from uuid import uuid4

from napari_alc.errors import AlcError, BadData, Cancelled
from napari_alc.execution.dask.messages import CHECKPOINT, TOPIC, PredictRequest, TrainRequest
from napari_alc.execution.dask.worker import ask_to_stop, deliver, newest_checkpoint
from napari_alc.files import write_bytes
from napari_alc.progress import Progress, Report, ShouldStop

TASKS_A_WORKER = 2
"""Submitted at once, so that no worker waits for the next one."""

MOST_TASKS = 256
"""Submitted at once in all."""

LISTENING_SECONDS = 0.2
"""How often it is asked whether to stop."""

STOPPING_SECONDS = 15.0
"""A worker that was asked to stop is waited for so long: an iteration and a checkpoint."""

ASKING_SECONDS = 1.0
"""How often workers are asked to stop, because one may begin just now."""

FETCHING_SHARE = 0.05
"""Most of the time that fetching checkpoints may take; those between are left out."""


@dataclass(frozen=True)
class RemoteTask:
    """Something for a worker to do: `function`, with a name for the task and `request`.

    `on_result` receives what it returned; ``False`` where that is not the end of it. `checkpoint`
    is the file of the newest checkpoint here, for a task that makes some.
    """

    function: Callable[[str, Any], Any]
    request: PredictRequest | TrainRequest
    on_result: Callable[[Any], bool]
    on_progress: Report
    checkpoint: Path | None = None


@dataclass
class _Running:
    """A task under way: which worker has it, how far it said to be."""

    task: RemoteTask
    future: Any
    worker: str = ""
    last: Progress | None = None
    fetch_at: float = 0.0


class TaskBatch:
    """Some tasks, taken one by one as there is room, under the name `step` in all messages.

    A `device` other than CPU and MPS takes one of the GPUs that workers announce.
    """

    def __init__(
        self, client: Any, address: str, tasks: Iterable[RemoteTask], step: str, device: str
    ) -> None:
        self._client = client
        self._address = address
        self._tasks = iter(tasks)
        self._step = step
        self._may_use_gpu = not device.startswith(("cpu", "mps"))
        self._running: dict[str, _Running] = {}
        self._messages: SimpleQueue[tuple[str, Mapping[str, Any] | Future[Any]]] = SimpleQueue()
        self._error: BaseException | None = None
        self._ask_at = self._give_up_at = 0.0

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Do all tasks.

        Raises
        ------
        Cancelled
            When `should_stop` says so.
        AlcError
            When the connection is lost, workers die again and again, or a task fails.
        """
        self._client.subscribe_topic(TOPIC, self._listen)
        # A thread for each result that is waited for.
        with ThreadPoolExecutor(MOST_TASKS) as self._threadpool:
            try:
                self._submit_more(report)
                while self._running:
                    self._next_message(report)
                    if self._error is None and should_stop():
                        self._begin_to_stop(Cancelled(self._step))
                    self._continue_stopping()
            except OSError as error:
                raise self._lost() from error
            finally:
                self._release([one.future for one in self._running.values()])
        if self._error is not None:
            raise self._error

    def _listen(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Runs in Dask's thread."""
        _, message = event
        self._messages.put((str(message["token"]), message))

    def _workers(self) -> list[Mapping[str, Any]]:
        """The workers that may do this; those with a GPU where any announces one."""
        known = list(self._client.scheduler_info(n_workers=-1)["workers"].values())
        with_gpu = [worker for worker in known if worker["resources"].get("GPU")]
        return with_gpu if with_gpu and self._may_use_gpu else known

    def _submit_more(self, report: Report) -> None:
        if self._error is not None:
            return
        workers = self._workers()
        if not workers:
            message = f"waiting for a worker of the cluster at {self._address}"
            report(Progress(self._step, 0, 1, message))
        room = min(MOST_TASKS, TASKS_A_WORKER * max(1, len(workers)))
        for task in islice(self._tasks, max(0, room - len(self._running))):
            self._submit(task, workers)

    def _submit(self, task: RemoteTask, workers: Sequence[Mapping[str, Any]]) -> None:
        token = uuid4().hex
        # Dask takes an argument that equals a key for the result of that task.
        key = f"{task.function.__name__}-{token}"
        takes_gpu = self._may_use_gpu and any(w["resources"].get("GPU") for w in workers)
        resources = {"GPU": 1} if takes_gpu else None
        future = self._client.submit(
            task.function, token, task.request, key=key, resources=resources, pure=False
        )
        self._running[token] = _Running(task, future)
        ended = self._threadpool.submit(future.result)
        ended.add_done_callback(lambda ended: self._messages.put((token, ended)))

    def _next_message(self, report: Report) -> None:
        try:
            token, news = self._messages.get(timeout=LISTENING_SECONDS)
        except Empty:
            if self._client.status != "running":
                raise self._lost() from None
            return
        if token not in self._running:  # Of another process, or of a task that is done.
            return
        if isinstance(news, Future):
            self._on_end(self._running.pop(token), news)
            self._submit_more(report)
        else:
            self._on_message(token, self._running[token], news)

    def _on_end(self, one: _Running, ended: Future[Any]) -> None:
        error = ended.exception()
        if error is None:
            is_done = one.task.on_result(ended.result())
        elif isinstance(error, CancelledError):
            if self._error is None:
                raise self._lost() from error
            return
        elif isinstance(error, Cancelled):  # Its worker is closing down, or it was asked to stop.
            is_done = False
        else:
            self._begin_to_stop(self._explained(error))
            return
        if not is_done and self._error is None:
            self._submit(one.task, self._workers())

    def _on_message(self, token: str, one: _Running, message: Mapping[str, Any]) -> None:
        worker = str(message["worker"])
        if message["kind"] == "began":
            if one.worker and one.last is not None:
                words = "a worker was lost; another one goes on from what is kept"
                one.task.on_progress(replace(one.last, message=words))
            one.worker = worker
        elif message["kind"] == "wants":
            contents = [_content(one.task, number) for number in message["files"]]
            self._run_on(worker, deliver, token, contents)
        else:
            self._on_progress(token, one, worker, message)

    def _on_progress(
        self, token: str, one: _Running, worker: str, message: Mapping[str, Any]
    ) -> None:
        one.last = Progress(**{name: message[name] for name in _PROGRESS})
        one.task.on_progress(one.last)
        began = time.monotonic()
        if message["checkpoint"] and one.task.checkpoint and began >= one.fetch_at:
            content = self._run_on(worker, newest_checkpoint, token)
            if content:
                write_bytes(one.task.checkpoint, content)
            ended = time.monotonic()
            one.fetch_at = ended + (ended - began) / FETCHING_SHARE

    def _run_on(self, worker: str, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function in the process of a worker; nothing where that is lost."""
        # The scheduler would try to reach a lost worker for half a minute.
        if worker not in self._client.scheduler_info(n_workers=-1)["workers"]:
            return None
        answers = self._client.run(function, *arguments, workers=[worker], on_error="ignore")
        return answers.get(worker)

    def _begin_to_stop(self, error: BaseException) -> None:
        self._error = self._error or error
        self._give_up_at = time.monotonic() + STOPPING_SECONDS
        self._release([one.future for one in self._running.values() if not one.worker])

    def _continue_stopping(self) -> None:
        """Ask those that have begun; leave those that do not answer."""
        now = time.monotonic()
        if self._error is None or not self._running or now < self._ask_at:
            return
        if now >= self._give_up_at:
            self._release([one.future for one in self._running.values()])
        self._ask_at = now + ASKING_SECONDS
        for token, one in self._running.items():
            if one.worker:
                self._run_on(one.worker, ask_to_stop, [token])

    def _release(self, futures: Sequence[Any]) -> None:
        """Tell Dask that nobody waits any more; who computes already notices by itself."""
        if futures and self._client.status == "running":
            with suppress(OSError):
                self._client.cancel(futures, force=True)

    def _lost(self) -> AlcError:
        return AlcError(
            f"The connection to the cluster's scheduler at {self._address} was lost. Everything "
            "that was finished is kept; start the scheduler and its workers again, then this step."
        )

    def _explained(self, error: BaseException) -> BaseException:
        from distributed import KilledWorker

        if not isinstance(error, KilledWorker):
            return error
        return AlcError(
            f"{self._step}: {error.allowed_failures + 1} workers of the cluster were lost one "
            "after the other in the middle of the same work. Most often their memory was too "
            "small: give each more (--memory-limit), or lower the batch size or the input size. "
            "Everything that was finished is kept."
        )


_PROGRESS = ("step", "done", "total", "message", "values")


def _content(task: RemoteTask, number: int) -> bytes:
    """A file that a worker asks for; an empty one where there is no checkpoint yet."""
    checkpoint = task.checkpoint
    if number == CHECKPOINT:
        return checkpoint.read_bytes() if checkpoint and checkpoint.is_file() else b""
    path = Path(task.request.files[number].path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadData(path, f"cannot be read ({error.strerror})", "Bring the file back") from error
