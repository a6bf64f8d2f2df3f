"""Screenshots of every page of a running portal, at 1280 and 390 pixels: `python -m scripts.screenshots URL DIR`.

It signs in as the demo company's administrator and follows links, so new pages are included automatically; of each kind
of record only the first one is shown. Run it before and after a change, into different directories.
"""

import argparse
import asyncio
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, async_playwright

WIDTHS = (1280, 390)
FLAGS = ("--no-sandbox", "--disable-gpu")
# Not pages: PDFs, files, streams, and signing out.
NO_PAGES = re.compile(r"\.(csv|json|pdf)$|/(slip|paper|pdf|export|label|events|sign-out|template)\b|/labels/")
# Content loaded on scrolling must be in a screenshot of the whole page.
SHOW_ALL = """() => {
  for (const thumb of document.querySelectorAll(".thumb")) thumb.dataset.seen = "";
  for (const image of document.images) image.loading = "eager";
  return Promise.all([...document.images].map(image => image.decode().catch(() => null)));
}"""
READ_LINKS = """() => [...document.querySelectorAll("a[href]:not([target]):not([download])")]
  .map(link => new URL(link.getAttribute("href"), location).href)"""


def name_kind(path: str) -> str:
    """The page's name, equal for all records of a kind: a path segment with a digit or capital is a record."""
    parts = ["one" if re.search(r"[\dA-Z]", part) else part for part in path.strip("/").split("/")]
    return "-".join(parts)


async def sign_in(page: Page, url: str, username: str, password: str) -> None:
    """Sign in by the form."""
    await page.goto(f"{url}/portal/sign-in")
    await page.fill("[name=username]", username)
    await page.fill("[name=password]", password)
    await page.click("button[type=submit]")
    await page.wait_for_url(re.compile(r"/portal/?$"))


async def take_pictures(page: Page, url: str, folder: Path) -> list[str]:
    """Follow the links from home and save each kind of page once; returns their names."""
    waiting, seen = ["/portal"], {"portal"}
    names = []
    while waiting:
        path = waiting.pop(0)
        await page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        try:
            answer = await page.goto(url + path)
        except PlaywrightError:
            continue  # A download, not a page.
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        for link in map(urlsplit, await page.evaluate(READ_LINKS)):
            kind = name_kind(link.path)
            if link.path.startswith("/portal") and kind not in seen and not NO_PAGES.search(link.path):
                seen.add(kind)
                waiting.append(link.path)
        name = name_kind(path)
        await page.evaluate(SHOW_ALL)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            await page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
        names.append(name)
    return names


async def run(url: str, folder: Path, username: str, password: str) -> None:
    """Take the screenshots into an existing folder."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("Chromium is not installed; `make setup-tests` installs it.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = await browser.new_page(reduced_motion="reduce")
        await sign_in(page, url, username, password)
        names = await take_pictures(page, url, folder)
        await browser.close()
    print(f"{len(names)} pages at {' and '.join(map(str, WIDTHS))} pixels are in {folder}.")


def main() -> None:
    """Read the command line and take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="where the program answers, such as http://127.0.0.1:8000")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--username", default="admin")
    parser.add_argument("--password", default="demo-demo")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(asked.url.rstrip("/"), asked.folder, asked.username, asked.password))


if __name__ == "__main__":
    main()
