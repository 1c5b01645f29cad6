"""Numbers beyond the limits of a field are told in words and not taken."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDoubleSpinBox, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from napari_alc.plugin.widgets.limits import LimitedField, images_words

KEY = Qt.Key


@pytest.fixture
def page(qtbot):
    """A field for 1 to 60 images, one for a share, and something else that takes the keys."""
    page = QWidget()
    page.number, page.share, page.other = QSpinBox(), QDoubleSpinBox(), QLineEdit()
    page.number.setRange(1, 1000)
    page.share.setRange(0, 1)
    page.limited = LimitedField(page.number)
    page.limited.set_most(60, images_words(60), 10)
    page.number.setValue(10)
    page.limited_share = LimitedField(page.share)
    layout = QVBoxLayout(page)
    for part in (page.limited, page.limited_share, page.other):
        layout.addWidget(part)
    page.taken = []
    page.number.valueChanged.connect(page.taken.append)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitExposed(page)
    return page


def type_in(field, text):
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)


def test_a_number_beyond_the_limits_is_told_while_it_is_typed_and_never_taken(page):
    type_in(page.number, "1000")
    assert page.number.lineEdit().text() == "1000"
    told = "1000 is not taken: 1 to 60 can be entered. The project has 60 images. It stays 10."
    assert page.limited.problem.text().startswith("1000 is not taken: 1 to 60 can be entered.")
    assert not page.limited.problem.isHidden()
    QTest.keyClick(page.number, KEY.Key_Return)
    assert page.number.value() == 10
    assert page.taken == []
    assert "The project has 60 images." in page.limited.problem.text()
    assert page.limited.problem.text() == told


@pytest.mark.parametrize("typed", ["0", "-3", "sixty", "3.5"])
def test_whatever_is_no_number_that_can_be_is_told(page, typed):
    type_in(page.number, typed)
    page.other.setFocus()
    assert page.number.value() == 10
    assert page.taken == []
    assert typed in page.limited.problem.text()
    assert "1 to 60" in page.limited.problem.text()


def test_a_number_within_the_limits_is_taken_once_and_nothing_is_told_any_more(page):
    type_in(page.number, "61")
    type_in(page.number, "42")
    assert page.limited.problem.isHidden()
    QTest.keyClick(page.number, KEY.Key_Return)
    assert page.taken == [42]


def test_a_button_that_is_pressed_before_the_typing_ends_takes_what_can_be(page):
    type_in(page.number, "12")
    assert page.limited.take()
    assert page.number.value() == 12
    type_in(page.number, "120")
    assert not page.limited.take()
    assert page.number.value() == 12


def test_a_number_that_is_stored_may_stay_but_none_other_so_large(page):
    page.limited.set_most(6, images_words(6), 100)
    page.number.setValue(100)
    type_in(page.number, "100")
    assert page.limited.problem.isHidden()
    type_in(page.number, "99")
    assert "1 to 6 " in page.limited.problem.text()


def test_shares_are_typed_with_a_full_stop(page):
    type_in(page.share, "0.25")
    QTest.keyClick(page.share, KEY.Key_Return)
    assert page.share.value() == 0.25
    type_in(page.share, "25")
    QTest.keyClick(page.share, KEY.Key_Return)
    assert page.share.value() == 0.25
    assert "25 is not taken: 0.00 to 1.00" in page.limited_share.problem.text()
