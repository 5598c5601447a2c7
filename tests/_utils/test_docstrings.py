from __future__ import annotations

from skfair._utils.docstrings import documented


def test_docstrings_without_later_sections_get_theirs_at_the_end():
    @documented(
        ["a"], {"a": "    a : int"}, "    Raises\n    ------\n    ValueError\n        If so."
    )
    def function(a):
        """Do it.

        {parameters}
        """

    assert function.__doc__.rstrip() == (
        "Do it.\n\nParameters\n----------\na : int\n\nRaises\n------\nValueError\n    If so."
    )
