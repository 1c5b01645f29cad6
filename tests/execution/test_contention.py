"""Whether a job waits for the processor."""

from __future__ import annotations

import os

import pytest

from napari_alc.execution.contention import Contention, is_crowded_out


@pytest.mark.parametrize(
    ("own", "whole", "waits"),
    [(0.1, 19.0, True), (9.0, 19.5, True), (18.0, 19.5, False), (0.1, 10.0, False)],
)
def test_a_job_waits_where_others_have_most_of_a_busy_computer(own, whole, waits):
    assert is_crowded_out(own, whole, available=20.0) is waits


def test_nothing_waits_while_no_time_has_gone_by():
    assert not is_crowded_out(0.0, 0.0, available=0.0)


def test_what_is_measured_only_grows_and_the_job_is_a_part_of_it():
    measured = Contention(os.getpid())
    before = measured._measured()
    sum(number * number for number in range(2_000_000))
    after = measured._measured()
    assert after[0] > before[0]
    assert after[1] <= after[2]


def test_a_job_that_has_ended_is_no_error():
    assert Contention(2**22 + 1).is_waiting() in (True, False)
