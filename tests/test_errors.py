"""What no message may say."""

import pytest

from hemline.errors import without_password


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at http://me:secret@host:5000/api: refused", "at http://host:5000/api: refused"),
        ("postgresql://me:se/c@ret@host/sweeps", "postgresql://host/sweeps"),
        ("http://a:b@one http://c:d@two", "http://one http://two"),
        ("http://host/x and me@host", "http://host/x and me@host"),
    ],
)
def test_addresses_without_their_passwords(text, said):
    assert without_password(text) == said
