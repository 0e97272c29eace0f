"""Which configured versions of HubSpot's API come to their end."""

from datetime import date

from hubsync.core.hubspot.api_versions import ENDS, ending


def test_a_version_is_told_from_a_year_before_its_end_on():
    versions = {"default": "2026-03", "0-1": "v3"}
    assert ending(versions, today=date(2026, 8, 31)) == {}
    assert ending(versions, today=date(2026, 9, 30)) == {
        "2026-03": ENDS["2026-03"],
        "v3": ENDS["v3"],
    }


def test_of_a_version_that_is_not_known_nothing_is_told():
    assert ending({"default": "2099-03"}, today=date(2098, 1, 1)) == {}
