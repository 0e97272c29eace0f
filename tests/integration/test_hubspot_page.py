"""The emulator's page, as a browser draws it."""

import re
import shutil
import subprocess

import pytest

from local.hubspot import Fault

BROWSER = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSER_SECONDS_MAX = 60

pytest_plugins = ["local.hubspot_pytest"]
pytestmark = pytest.mark.skipif(BROWSER is None, reason="the Debian package chromium is missing")


@pytest.fixture
def drawn(hubspot_emulator, tmp_path):
    """The page's elements after its scripts ran for three virtual seconds."""

    def draw():
        command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path}", "--virtual-time-budget=3000"]
        done = subprocess.run(  # noqa: S603 - the browser this test was told to use
            [*command, "--dump-dom", hubspot_emulator.url],
            capture_output=True,
            text=True,
            timeout=BROWSER_SECONDS_MAX,
            check=True,
        )
        return re.sub(r"<script>.*?</script>", "", done.stdout, flags=re.DOTALL)

    return draw


def test_the_page_shows_records_calls_and_faults(hubspot_emulator, drawn):
    hubspot = hubspot_emulator.hubspot
    record_id = hubspot.create("contacts", {"email": "ada@example.com", "city": "<b>Turin</b>"})
    hubspot.faults.extend([Fault.from_text("lost_reply,every=3")])
    page = drawn()
    assert 'role="status">Live<' in page
    assert "contacts 0-1 (1)" in page
    assert f'aria-label="History of {record_id}"' in page
    assert "&lt;b&gt;Turin&lt;/b&gt;" in page
    assert "Nobody has called yet." in page
    assert "lost_reply" in page
    assert "all at their defaults" in page


def test_everything_on_the_page_has_a_name_and_can_be_reached_by_keyboard(drawn):
    page = drawn()
    labelled = set(re.findall(r'<label for="([^"]+)"', page))
    fields = set(re.findall(r'<(?:select|input)[^>]*\bid="([^"]+)"', page))
    assert fields <= labelled
    assert re.findall(r"<(?:div|span|td|p)[^>]*onclick", page) == []
    assert re.findall(r'tabindex="[1-9]', page) == []
    assert page.count('class="scroll" tabindex="0" role="region" aria-label=') == 4
