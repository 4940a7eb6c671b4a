"""Generated values are kept: made once, written whole, private."""

import stat

from tradeops.core import envfile


def test_what_is_missing_is_made_and_what_is_there_is_kept(tmp_path):
    path = tmp_path / "new" / "x.env"
    first = envfile.keep(path, make={"A": lambda: "1"}, comment="why\nso")
    assert first == {"A": "1"}
    assert path.read_text() == "# why\n# so\nA=1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    second = envfile.keep(path, make={"A": lambda: "other", "B": lambda: "2"}, comment="why")
    assert second == {"A": "1", "B": "2"}
    assert envfile.read(path) == {"A": "1", "B": "2"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_the_names_that_were_asked_for_come_back(tmp_path):
    path = tmp_path / "x.env"
    path.write_text("A=1\nPATH=/elsewhere\n")
    assert envfile.keep(path, make={"A": lambda: "2"}, comment="") == {"A": "1"}


def test_of_two_that_create_the_file_the_first_one_counts(tmp_path):
    path = tmp_path / "x.env"

    def slow():
        envfile.keep(path, make={"A": lambda: "first"}, comment="")  # another process is quicker
        return "second"

    assert envfile.keep(path, make={"A": slow}, comment="") == {"A": "first"}
    assert [found.name for found in tmp_path.iterdir()] == ["x.env"]


def test_a_value_may_hold_equal_signs_and_a_missing_file_is_empty(tmp_path):
    path = tmp_path / "x.env"
    assert envfile.read(path) == {}
    path.write_text("# comment\n\nKEY=abc==\n")
    assert envfile.read(path) == {"KEY": "abc=="}
