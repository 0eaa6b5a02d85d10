import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cellbench.errors import DataError
from cellbench.importers.problems import ProblemsError
from cellbench.importers.tables import read_text_table

KNOWN = ("path", "label", "x")


@pytest.fixture
def read(tmp_path):
    """Return a function that writes bytes or text to a file and reads it as a table."""

    def run(content, name="t.csv", encoding="utf-8"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return read_text_table(tmp_path / name, KNOWN)

    return run


def rows(table):
    """Return the number of each row and its values, None where missing."""
    return [(row[0], *(None if pd.isna(value) else value for value in row[1:])) for row in table.itertuples(name=None)]


@pytest.mark.parametrize(
    "content",
    [
        "path,label\n1.png,a\n2.png,\n",
        "path;label\n1.png;a\n2.png;\n",
        "path\tlabel\n1.png\ta\n2.png\t\n",
        "path, label\n1.png, a\n2.png, \n",
        '"path","label"\n"1.png", "a"\n"2.png",""\n',
        "path,label\r1.png,a\r2.png,\r",
        "path,label\r\n1.png,a\r\n2.png,\r\n",
        "\ufeffpath;label\r\n1.png;a\r\n2.png;",
        " path , label ,,\n1.png,a,,\n2.png,,,\n",
        "path,label\n1.png,a,,\n2.png,\n",
    ],
)
def test_what_spreadsheets_write_is_read(read, content):
    table = read(content)
    assert table.columns.tolist() == ["path", "label"]
    assert rows(table) == [(2, "1.png", "a"), (3, "2.png", None)]
    assert table.index.name == "line"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_line_can_name_the_separator(read, separator, quote):
    table = read(f"{quote}sep={separator}{quote}\r\npath{separator}label\r\n1.png{separator}a\r\n")
    assert rows(table) == [(3, "1.png", "a")]


def test_the_named_separator_counts_more_than_the_header(read):
    assert read("sep=;\npath,label,x;y\n1,2,3;4\n").columns.tolist() == ["path,label,x", "y"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_unicode_text_of_excel_is_read(read, encoding):
    assert rows(read("path\tlabel\r\n1.png\tä\r\n", encoding=encoding)) == [(2, "1.png", "ä")]


def test_lines_are_those_of_the_file(read):
    table = read('\npath,label,note\n\n1.png,a,"two\nlines"\n,,\n  , ,\n2.png,b,\n\n')
    assert table.index.tolist() == [4, 8]


def test_a_column_without_a_name_is_called_by_its_position(read):
    assert read(",path,label,\n0,1.png,a,\n1,2.png,b,\n").columns.tolist() == ["column 1", "path", "label"]


def test_names_of_columns_are_one_spelling(read):
    assert read("path,label,Fa\u0308rbung\n1,2,3\n").columns[2] == "F\u00e4rbung"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; it needs a header"),
        ("path,label\n,\n\n", "has no rows; it needs one row per patch"),
        ("path,label,x,label\n1,2,3,4\n", r"has two columns 'label' \(columns 2 and 4\); rename or remove one"),
        ("sep=|\npath|label\n", "is separated by '|'; separate it by commas, semicolons or tabs"),
        ('path,label\n1,2\n3,"4\n5,6\n', "line 3 cannot be read .*; correct its quotation marks"),
        ('path,label\n1,2\n"3"3,4\n', "line 3 cannot be read .*; correct its quotation marks"),
    ],
)
def test_a_table_that_is_not_clear_is_refused(read, content, message):
    with pytest.raises(DataError, match=message):
        read(content)


def test_text_that_is_not_utf_8_is_refused_with_its_line(read):
    with pytest.raises(DataError, match=r"is not UTF-8 text \(see line 3\); save it as UTF-8 \('CSV UTF-8' in Excel\)"):
        read("path,label\r\n1,a\r\n2,ä\r\n", encoding="cp1252")
    with pytest.raises(DataError, match="is not UTF-8 text; save it"):
        read("path,label\n", encoding="utf-16-le")


def test_rows_of_another_length_are_named_with_their_lines(read):
    with pytest.raises(ProblemsError) as caught:
        read("path;label;x\n\n1;a\n2;b;3\n4;c;5,5;6\n")
    assert caught.value.problems == [
        "line 3: it has 2 cells separated by semicolons, and the header has 3",
        "line 5: it has 4 cells separated by semicolons, and the header has 3; put a value that contains the separator "
        "in quotation marks",
    ]


def test_rows_of_parquet_are_counted_and_folders_add_no_column(tmp_path):
    path = tmp_path / "group=z" / "t.parquet"
    path.parent.mkdir()
    columns = {"path": ["1", None, "3"], "label": pa.array([1, None, 2]), "x": [0.1, float("nan"), 1e-7]}
    pq.write_table(pa.table(columns), path)
    table = read_text_table(path, KNOWN)
    assert rows(table) == [(1, "1", "1.0", "0.1"), (3, "3", "2.0", "1e-07")]
    assert table.index.name == "row"


def test_parquet_columns_of_another_type_are_refused_if_they_are_used(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"path": ["1"], "image": [b"1"], "boxes": [[1, 2]]}), path)
    assert read_text_table(path, KNOWN)["path"].tolist() == ["1"]
    pq.write_table(pa.table({"path": [b"1"]}), path)
    with pytest.raises(DataError, match="its column path holds binary; store it as text or numbers"):
        read_text_table(path, KNOWN)
