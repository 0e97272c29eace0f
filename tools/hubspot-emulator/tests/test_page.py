"""The emulator's page in a browser: what it shows, and that a keyboard is enough to use it."""

import json
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest

from hubspot_emulator import Fault, Switches

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
    "--remote-debugging-pipe",
]
SECONDS_MAX = 30
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27}

pytestmark = pytest.mark.skipif(BROWSER is None, reason="the Debian package chromium is missing")


class Page:
    """One page of a browser, spoken to through its debugging pipe: JSON, each ended by a NUL."""

    def __init__(self, to_browser, from_browser):
        self._out, self._in = to_browser, from_browser
        self._session = {}
        self._last = 0

    def open(self, url):
        target = self._ask("Target.createTarget", url=url)["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def evaluate(self, expression):
        return self._ask("Runtime.evaluate", expression=expression)["result"].get("value")

    def wait_for(self, expression):
        deadline = time.monotonic() + SECONDS_MAX
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"

    def press(self, key):
        event = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        self._ask("Input.dispatchKeyEvent", type="keyDown", **event, **text)
        self._ask("Input.dispatchKeyEvent", type="keyUp", **event)

    def tab_to(self, element_id):
        for _ in range(60):
            if self.evaluate("document.activeElement.id") == element_id:
                return
            self.press("Tab")
        pytest.fail(f"no Tab leads to {element_id}")

    def write(self, text):
        self._ask("Input.insertText", text=text)

    def text(self):
        return self.evaluate("document.body.innerText")

    def _ask(self, method, **params):
        self._last += 1
        message = {"id": self._last, "method": method, "params": params, **self._session}
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while (told := json.loads(self._message())).get("id") != self._last:
            pass
        return told["result"]

    def _message(self):
        message = bytearray()
        while (byte := self._in.read(1)) != b"\0":
            assert byte, "the browser went away"
            message += byte
        return message


@contextmanager
def browsing(profile):
    read_end, to_browser = os.pipe()
    from_browser, write_end = os.pipe()
    # The browser reads from descriptor 3 and writes to 4; not every sh knows descriptors over 9.
    script = f'exec "$@" 3<&{read_end} 4>&{write_end}'
    command = ["bash", "-c", script, "bash", BROWSER, *FLAGS, f"--user-data-dir={profile}"]
    fds = (read_end, write_end)
    process = subprocess.Popen(command, pass_fds=fds, stderr=subprocess.DEVNULL)
    try:
        for each in fds:
            os.close(each)
        with os.fdopen(to_browser, "wb") as out, os.fdopen(from_browser, "rb") as into:
            yield Page(out, into)
    finally:
        process.terminate()
        process.wait(SECONDS_MAX)


@pytest.fixture
def page(hubspot_emulator, tmp_path):
    hubspot = hubspot_emulator.hubspot
    record_id = hubspot.create("contacts", {"email": "ada@example.com", "city": "<b>Turin</b>"})
    hubspot.edit("contacts", record_id, {"city": "London"})
    hubspot.faults.extend([Fault.from_text("lost_reply,every=3")])
    with browsing(tmp_path) as page:
        page.open(hubspot_emulator.url)
        page.wait_for("document.querySelector('#records-table table') !== null")
        yield page


def test_the_page_shows_what_is_there_and_follows_it(page, hubspot_emulator):
    shown = page.text()
    for words in ("Live", "Portal 10000001", "ada@example.com", "lost_reply", "Nobody has called"):
        assert words in shown
    hubspot = hubspot_emulator.hubspot
    hubspot.create("contacts", {"email": "<script>alert(1)</script>", "notes": "x" * 5000})
    hubspot.faults.extend([Fault(kind="status", headers={"Retry-After": "7"})])
    for words in ("<script>alert(1)</script>", "x…", '{"Retry-After":"7"}'):
        page.wait_for(f"document.body.innerText.includes('{words}')")
    assert page.text().count("x") < 200


def test_a_keyboard_opens_and_closes_a_history(page):
    opener = page.evaluate("document.querySelector('[id^=history-1]').id")
    page.tab_to(opener)
    page.press("Enter")
    page.wait_for(
        "document.querySelector('#history').open && !!document.querySelector('#history td')"
    )
    cells = page.evaluate(
        "[...document.querySelectorAll('#history td:last-child')].map(e => e.textContent).join('|')"
    )
    page.press("Escape")
    page.wait_for("!document.querySelector('#history').open")
    assert cells == "London|<b>Turin</b>|ada@example.com"
    assert page.evaluate("document.activeElement.id") == opener


def test_a_keyboard_adds_and_clears_faults(page, hubspot_emulator):
    faults = hubspot_emulator.hubspot.faults
    page.tab_to("fault")
    page.write("meteor")
    page.press("Enter")
    page.wait_for(
        "document.querySelector('#fault-error').textContent.includes(\"no fault 'meteor'\")"
    )
    page.evaluate("document.querySelector('#fault').value = ''")
    page.write("locked,every=5")
    page.press("Enter")
    page.wait_for("document.querySelectorAll('#faults-table tbody tr').length == 2")
    assert [fault.kind for fault, _, _ in faults.listed()] == ["lost_reply", "locked"]
    page.evaluate("document.querySelector('#clear').focus()")
    page.press("Enter")
    page.wait_for(
        "document.querySelector('#faults-table').textContent.includes('Nothing goes wrong')"
    )
    assert faults.listed() == []


def test_a_switch_is_turned_where_it_is_shown(page, hubspot_emulator):
    page.evaluate("document.querySelector('#switches-details summary').focus()")
    page.press("Enter")
    page.wait_for("document.querySelector('#switches-details').open")
    page.evaluate("document.querySelector('#switch-null_value').focus()")
    page.evaluate(
        "(s => { s.value = 'clears'; s.dispatchEvent(new Event('change')) })"
        "(document.querySelector('#switch-null_value'))"
    )
    page.wait_for("document.querySelector('#turned').textContent == '1 not at the default'")
    assert hubspot_emulator.hubspot.switches == Switches(null_value="clears")
    assert page.evaluate("document.activeElement.id") == "switch-null_value"


def test_every_field_and_region_has_a_name(page):
    drawn = page.evaluate("document.documentElement.outerHTML")
    labelled = set(re.findall(r'<label for="([^"]+)"', drawn))
    fields = set(re.findall(r'<(?:select|input)[^>]*\bid="([^"]+)"', drawn))
    assert fields <= labelled
    assert drawn.count('class="scroll"') == drawn.count('role="region" aria-label="Table of') == 4
    assert re.findall(r'tabindex="[1-9]', drawn) == []


def test_a_page_whose_emulator_is_gone_says_so(page, hubspot_emulator):
    page.evaluate("window.fetch = () => Promise.reject(new Error('gone'))")
    page.wait_for("document.querySelector('#live').textContent == 'No answer: gone'")
    assert hubspot_emulator.hubspot.calls_count == 0
