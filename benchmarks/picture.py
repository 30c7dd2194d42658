"""Take the README's picture, docs/page.png, from the real page over the shipped articles.

Needs Chromium and playwright (the extra ``dev``): ``python benchmarks/picture.py``. Fails where the picture is 200 kB or more.
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

import ui
from rag.settings import Settings

PICTURE = Path(__file__).parent.parent / "docs" / "page.png"
QUESTION = "How many members does Zhana Adamdar have?"
LARGEST = 200_000  # bytes


def main() -> None:
    """Serve the page, ask, follow the answer's first number into the article, and write the picture."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings(articles="seeds", index=Path(folder) / "index", data=Path(folder) / "data")  # type: ignore[arg-type]
        blocks = ui.build_page(lambda tell: ui.open_chatbot(settings, tell), settings)
        url = ui.serve(blocks, "127.0.0.1", ui.free_port("127.0.0.1", 7860))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
        page.set_default_timeout(120_000)
        page.goto(url)
        box = page.get_by_role("textbox", name="Your question")
        box.fill(sys.argv[1] if len(sys.argv) > 1 else QUESTION)
        box.press("Enter")
        page.locator("#chat a.cite").first.click()
        page.get_by_role("button", name="Ask").wait_for()
        page.wait_for_timeout(1000)  # the last drawing
        picture = Image.open(BytesIO(page.screenshot())).quantize(64)
        PICTURE.parent.mkdir(exist_ok=True)
        picture.save(PICTURE, optimize=True)
        browser.close()
        blocks.close(verbose=False)
    size = PICTURE.stat().st_size
    assert size < LARGEST, f"{PICTURE.name} has {size:,} bytes"


if __name__ == "__main__":
    main()
