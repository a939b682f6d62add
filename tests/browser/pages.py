"""The console as a person uses it: what can be pressed and typed, and what can be read."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response

PHONE_WIDTH = 360
PHONE: Any = {
    "locale": "es-ES",
    "color_scheme": "dark",
    "viewport": {"width": PHONE_WIDTH, "height": 740},
}
"""How Chromium opens a window like a narrow phone's, in Spanish and dark."""

# What the CSP refuses is told to the page; said aloud, it is heard with everything else.
_TELL_REFUSALS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`refused by ${event.violatedDirective}: ${event.blockedURI}`));
"""


class Heard:
    """What `page` complains of, and the hosts it asks for anything."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.add_init_script(_TELL_REFUSALS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)

    def clear(self) -> None:
        """Forget what was heard before."""
        self.complaints.clear()
        self.hosts.clear()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme != "data":
            self.hosts.add(address.netloc)


class Console:
    """One window on the console at `url`, within the tenant `slug`."""

    def __init__(self, context: BrowserContext, *, url: str, slug: str = "demo") -> None:
        self.page = context.new_page()
        self.heard = Heard(self.page)
        self._url = url.rstrip("/")
        self._slug = slug

    def visit(self, path: str) -> None:
        """Go to `path` below ``/``."""
        self.page.goto(f"{self._url}/{path}")

    def open(self, path: str = "") -> None:
        """Go to `path` within the tenant; the overview when empty."""
        self.visit(f"t/{self._slug}/{path}")

    def log_in(self, username: str, password: str) -> None:
        """Fill in the login page and send it."""
        self.visit("login/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.press("Log in")

    def follow(self, link: str, *, within: Locator | None = None) -> None:
        """Press the link that reads `link`, in the page's body or `within` a part; wait for it."""
        with self.page.expect_navigation():
            (within or self.main).get_by_role("link", name=link, exact=True).click()

    def press(self, button: str) -> float:
        """Send a form by its button, and wait for the page that follows.

        Returns the monotonic time at which the form was answered.
        """
        answered: list[float] = []

        def note(response: Response) -> None:
            if response.request.method == "POST":
                answered.append(time.monotonic())

        self.page.on("response", note)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=button, exact=True).click()
        self.page.remove_listener("response", note)
        return answered[0]

    @property
    def main(self) -> Locator:
        """The page's body, without the menu."""
        return self.page.get_by_role("main")

    @property
    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def said(self) -> str:
        """What the page says after a save."""
        return self.page.get_by_role("status").inner_text()

    @property
    def alert(self) -> str:
        """What the page warns of."""
        return self.page.get_by_role("alert").inner_text()

    @property
    def saved_revision(self) -> int:
        """The revision that the save just made became."""
        match = re.search(r"Saved as revision (\d+)", self.said)
        assert match is not None, self.said
        return int(match[1])

    def field(self, label: str) -> Locator:
        """The box with this label, whether or not it may stay empty."""
        return self.main.get_by_label(re.compile(rf"^\s*{re.escape(label)}\s*(\(optional\)\s*)?$"))

    def error_at(self, label: str) -> str:
        """The error shown at a field, which the field must name as its description."""
        described_by = self.field(label).get_attribute("aria-describedby") or ""
        errors = [name for name in described_by.split() if name.endswith("_error")]
        assert errors, f"{label} is described by {described_by!r}"
        return self.page.locator(f"#{errors[0]}").inner_text()

    def row(self, words: str) -> Locator:
        """The table row that holds `words`."""
        return self.main.get_by_role("row").filter(has_text=words)

    def tile(self, label: str) -> str:
        """The figure on a tile of the overview."""
        tile = self.main.locator(".tile").filter(
            has=self.page.locator("dt").get_by_text(label, exact=True)
        )
        return tile.locator(".tile-value").inner_text()

    def card(self, title: str) -> Locator:
        """The part of the overview with a chart and its table."""
        return self.page.get_by_role("region", name=title, exact=True)

    def sums_under(self, title: str) -> list[int]:
        """The sum of every column in the table under a chart."""
        card = self.card(title)
        card.locator("details").evaluate("(table) => { table.open = true }")
        rows = [
            [int(cell) for cell in row.get_by_role("cell").all_inner_texts()]
            for row in card.locator("tbody").get_by_role("row").all()
        ]
        return [sum(column) for column in zip(*rows, strict=True)]

    @property
    def width(self) -> int:
        """How wide the page is in CSS pixels; beyond the window's width it scrolls sideways."""
        return int(self.page.evaluate("document.scrollingElement.scrollWidth"))

    def create_key(self, name: str) -> str:
        """Make an app key; returns its text."""
        self.open("keys/new/")
        self.field("Name").fill(name)
        self.press("Create key")
        return self.main.locator("#key-text").inner_text()
