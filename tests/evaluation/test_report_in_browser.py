"""The page in a real browser: it fits a laptop and a phone, and nothing fails when it is opened from disk."""

import json
import re
import shutil
import subprocess

import pytest
from evaluation_case import make_case, told_about, view_of

from components.evaluation.complete import complete
from components.evaluation.judge import judge
from components.evaluation.report.page import render

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=2000",
    "--dump-dom",
)
ASK = """<script>
addEventListener("error", event => { document.title = "failed: " + event.message; });
addEventListener("load", () => {
  const bottom = name => [...document.querySelectorAll(name)].map(one => one.getBoundingClientRect().bottom);
  document.title = JSON.stringify({
    width: document.documentElement.scrollWidth, window: innerWidth, next: Math.max(...bottom("h2, h3").slice(0, 4)),
    charts: document.querySelectorAll("svg").length,
  });
});
</script></head>"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")


@pytest.fixture(scope="module")
def page():
    case = make_case("breast_cancer", test=True, resamples=100)
    scores = complete(judge(case), told_about(case))
    html = render(view_of(case, scores))
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html).replace("</head>", ASK, 1)


@pytest.mark.parametrize("size", ["1280,800", "390,844"], ids=["laptop", "phone"])
def test_the_page_fits_the_window_and_nothing_fails(page, size, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    options = [*QUIET, f"--window-size={size}", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run([BROWSER, *options, file.as_uri()], capture_output=True, text=True, timeout=120)
    (title,) = re.findall(r"<title>(.*?)</title>", done.stdout)[:1]
    found = json.loads(title.replace("&quot;", '"'))
    assert found["width"] <= found["window"], "the page scrolls sideways"
    assert found["charts"] >= 6
    if size.startswith("1280"):
        assert found["next"] < 800, "the first screen does not fit a laptop"
