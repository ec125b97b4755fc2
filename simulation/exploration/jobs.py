"""Jobs that work on one bucket at the same time, under every order of their requests with few interruptions.

A job is a function of what it gets from outside: the answers of S3, and a few more values. It is run from the
start for each sequence of answers, up to the first one that is missing; so it can be stopped, and gone on
with, at any request.

What a job has read it may use at any later time, so that each order of its reads and of the others' writes is
a state of its own: too many to visit. Those are visited in which a job that could go on is interrupted a few
times at most. Most faults of that kind need no more than two such changes, wherever they are.

https://doi.org/10.1145/1250734.1250785 (Musuvathi and Qadeer, Iterative context bounding)
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from metering.errors import MeterError

PUT: Final = "PutObject"
Objects = tuple[tuple[str, bytes], ...]
"""What a bucket holds, by name."""


class JobRequest(NamedTuple):
    """A request of a job: to S3, or for a value."""

    operation: str
    name: str
    content: bytes = b""
    condition: str = ""
    """`*`: only if there is no such object; anything else: only if the object still has this tag."""


class Outside:
    """What a job gets from outside, as far as it is known: the parts of boto3's client that adapters use, and
    values by name.
    """

    def __init__(self, answers: Mapping[tuple[JobRequest, int], object]) -> None:
        self._answers = answers
        self._asked: Counter[JobRequest] = Counter()
        self._lock = threading.Lock()

    def value(self, name: str) -> Any:
        """A value that may be another one later."""
        return self._answer(JobRequest("value", name))

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803, ARG002 - boto3's names
        """S3's."""
        found = self._answer(JobRequest("GetObject", Key))
        if found is None:
            raise _error("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(found), "ETag": tag_of(found)}

    def put_object(self, **request: Any) -> dict[str, Any]:
        """S3's."""
        condition = request.get("IfNoneMatch", request.get("IfMatch", ""))
        refusal = self._answer(JobRequest(PUT, request["Key"], request["Body"], condition))
        if refusal:
            raise _error(refusal, PUT)
        return {}

    def get_paginator(self, _operation: str) -> Outside:
        """S3's, of lists of objects."""
        return self

    def paginate(self, *, Bucket: str, Prefix: str, Delimiter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803, ARG002 - boto3's names
        """One page."""
        names = self._answer(JobRequest("ListObjectsV2", Prefix))
        if not Delimiter:
            yield {"Contents": [{"Key": name, "ETag": tag, "Size": 1} for name, tag in names]}
            return
        below = (name[len(Prefix) :] for name, _ in names)
        folders = {name.partition(Delimiter)[0] for name in below if Delimiter in name}
        yield {"CommonPrefixes": [{"Prefix": f"{Prefix}{folder}{Delimiter}"} for folder in sorted(folders)]}

    def _answer(self, request: JobRequest) -> Any:
        with self._lock:
            place = request, self._asked[request]
            self._asked[request] += 1
        if place not in self._answers:
            raise _Unanswered(*place)
        return self._answers[place]


class _Unanswered(BaseException):
    """The job has come to a request that no answer is known to. No error that a job may catch."""

    def __init__(self, request: JobRequest, number: int) -> None:
        super().__init__()
        self.place = (request, number)


def tag_of(content: bytes) -> str:
    """An ETag."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


Job = Callable[[Outside, int], object]
"""A job of an attempt of that number. It may fail with a MeterError."""
Values = Sequence[Mapping[str, Any]]
"""The values from outside, and those that they may become, in order."""

_Place = tuple[JobRequest, int]
_Known = tuple[tuple[_Place, object], ...]


class JobState(NamedTuple):
    """A job: its attempt, the answers that it has had, and whether its last request was a write."""

    job: int
    attempt: int = 0
    answers: int = 0
    """By number: those of this attempt."""
    has_written: bool = True


class Moment(NamedTuple):
    """A state of the bucket and of all jobs."""

    objects: Objects
    jobs: tuple[JobState, ...]
    turn: int = 0
    """Whose request comes next."""
    changes: int = 0
    """How often a job that could go on may still be interrupted."""
    values: int = 0
    faults: int = 0


class JobsExplored(NamedTuple):
    """What was seen."""

    moments: int
    ends: int
    """Moments after which nothing can happen."""
    replays: int


class JobExplorer:
    """Goes through every order of the requests of jobs, of their being killed, and of changes outside."""

    def __init__(self, jobs: Sequence[Job], values: Values, *, changes: int, faults: int) -> None:
        """`changes` is how often a job may be interrupted by another one, `faults` how often one may be
        killed and begun again, or a write be repeated by the SDK.
        """
        self._jobs = jobs
        self._values = values
        self._changes = changes
        self._faults = faults
        self._known: list[_Known] = [()]
        self._number_of: dict[_Known, int] = {(): 0}
        self._next: dict[tuple[int, int, int], _Place | None] = {}

    def explore(
        self,
        check: Callable[[dict[str, bytes], dict[str, bytes]], None],
        at_end: Callable[[dict[str, bytes]], None],
    ) -> JobsExplored:
        """Visit every moment. `check` is called with the objects before and after each write, `at_end` with
        those of each moment at which all jobs have ended.
        """
        jobs = tuple(JobState(number) for number in range(len(self._jobs)))
        start = Moment((), jobs, changes=self._changes, faults=self._faults)
        seen, waiting, ends = {start}, deque([start]), 0
        while waiting:
            moment = waiting.popleft()
            is_end = True
            for after in self._steps(moment):
                is_end = False
                if after in seen:
                    continue
                if after.objects != moment.objects:
                    check(dict(moment.objects), dict(after.objects))
                seen.add(after)
                waiting.append(after)
            if is_end or all(self._request(one) is None for one in moment.jobs):
                ends += 1
                at_end(dict(moment.objects))
        return JobsExplored(len(seen), ends, len(self._next))

    def _steps(self, moment: Moment) -> Iterator[Moment]:
        if moment.values + 1 < len(self._values) and any(self._request(one) for one in moment.jobs):
            yield moment._replace(values=moment.values + 1)
        yield from self._turns(moment)
        index = moment.turn
        place = self._request(moment.jobs[index])
        if place is not None:
            objects, answer = self._perform(moment, place[0])
            yield self._after(moment, index, place, objects, answer)
            if moment.faults:
                yield from self._faulty(moment, index, place, objects)

    def _turns(self, moment: Moment) -> Iterator[Moment]:
        """Another job's turn. It costs nothing where the present one has ended."""
        has_ended = self._request(moment.jobs[moment.turn]) is None
        if has_ended or moment.changes:
            left = moment.changes - (not has_ended)
            for index, one in enumerate(moment.jobs):
                if index != moment.turn and self._request(one) is not None:
                    yield moment._replace(turn=index, changes=left)

    def _faulty(self, moment: Moment, index: int, place: _Place, objects: Objects) -> Iterator[Moment]:
        """A job that is killed between two reads is as one that was killed after its last write."""
        one = moment.jobs[index]
        spent = moment._replace(faults=moment.faults - 1)
        if one.has_written:
            begun = JobState(one.job, one.attempt + 1)
            yield spent._replace(jobs=_with(moment.jobs, index, begun))
        if place[0].operation == PUT and objects != moment.objects:
            repeated = self._perform(moment._replace(objects=objects), place[0])
            yield self._after(spent, index, place, *repeated)

    def _after(self, moment: Moment, index: int, place: _Place, objects: Objects, answer: object) -> Moment:
        one = moment.jobs[index]
        known = (*self._known[one.answers], (place, answer))
        number = self._number_of.setdefault(known, len(self._known))
        if number == len(self._known):
            self._known.append(known)
        job = one._replace(answers=number, has_written=place[0].operation == PUT)
        return moment._replace(objects=objects, jobs=_with(moment.jobs, index, job))

    def _request(self, one: JobState) -> _Place | None:
        """What a job asks for next; None: it has ended."""
        key = (one.job, one.attempt, one.answers)
        if key not in self._next:
            self._next[key] = self._replayed(one)
        return self._next[key]

    def _replayed(self, one: JobState) -> _Place | None:
        try:
            self._jobs[one.job](Outside(dict(self._known[one.answers])), one.attempt)
        except _Unanswered as asked:
            return asked.place
        except MeterError:
            pass
        return None

    def _perform(self, moment: Moment, request: JobRequest) -> tuple[Objects, object]:
        objects = dict(moment.objects)
        match request.operation:
            case "value":
                return moment.objects, self._values[moment.values][request.name]
            case "GetObject":
                return moment.objects, objects.get(request.name)
            case "ListObjectsV2":
                found = sorted(name for name in objects if name.startswith(request.name))
                return moment.objects, tuple((name, tag_of(objects[name])) for name in found)
            case _:
                held = objects.get(request.name)
                if _is_refused(held, request.condition):
                    return moment.objects, "PreconditionFailed"
                objects[request.name] = request.content
                return tuple(sorted(objects.items())), ""


def _is_refused(held: bytes | None, condition: str) -> bool:
    if condition == "*":
        return held is not None
    return bool(condition) and (held is None or tag_of(held) != condition)


def _with(jobs: tuple[JobState, ...], index: int, one: JobState) -> tuple[JobState, ...]:
    return (*jobs[:index], one, *jobs[index + 1 :])
