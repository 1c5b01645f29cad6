"""Columns of the plugin's tables have room for what they show."""

from __future__ import annotations

import pytest

from napari_alc.plugin.widgets.tables import RowsTable

COLUMNS = {"Image": "Its file.", "Boxes": "How many.", "State": "What was done."}


@pytest.fixture
def table(qtbot):
    table = RowsTable(COLUMNS, "Image")
    qtbot.addWidget(table)
    return table


def has_room(table: RowsTable) -> bool:
    return all(
        table.columnWidth(column)
        >= max(table.sizeHintForColumn(column), table.horizontalHeader().sectionSizeHint(column))
        for column in (1, 2)
    )


def test_columns_have_room_for_rows_that_come_later(table):
    table.show()
    table.rows.set_rows([("a.tif", 1, "done")])
    before = table.columnWidth(2)
    table.rows.set_rows([("a.tif", 123456, "with Ada Lovelace of the ward next door")])
    assert table.columnWidth(2) > before
    assert has_room(table)


@pytest.mark.parametrize("is_shown", [True, False])
def test_columns_follow_the_size_of_the_letters(table, is_shown):
    table.rows.set_rows([("a.tif", 123456, "with Ada Lovelace")])
    table.setVisible(is_shown)
    font = table.font()
    font.setPointSize(3 * font.pointSize())
    table.setFont(font)
    table.show()
    assert has_room(table)
