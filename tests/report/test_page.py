"""Pages in a real browser: everything draws, nothing is asked of any network, and it works without a mouse."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest
from browsing import Browser
from handmade import layer, network, run, whole

from augur_edge.cli import main
from augur_edge.report.network import section
from augur_edge.report.page import page
from augur_edge.store import RunRecord, Store

pytestmark = pytest.mark.quiet

FIRST_PLOT_MS = 3000


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A page of two runs, what differs between them, and a front."""
    pytest.importorskip("plotly")
    slower = network(measurements=[layer(0, "stem.conv", 12_000), layer(1, "body.conv", 20_000), whole(33_000)])
    with Store(tmp_path / "store.db") as store:
        store.add_run(run("00aa000000000001"))
        store.add_run(run("00ab000000000002", networks=[slower]))
    (tmp_path / "front.csv").write_text("name,latency_ms,accuracy\nsmall,1,60\nlarge,2,70\nbad,3,65\n")
    arguments = ["00aa", "00ab", "--store", str(tmp_path / "store.db"), "--front", str(tmp_path / "front.csv")]
    assert main(["report", *arguments, "-o", str(tmp_path / "report.html")]) == 0
    return tmp_path / "report.html"


def test_every_plot_draws(browser: Browser, written: Path) -> None:
    browser.open(written)
    plots = browser.run("return document.querySelectorAll('.plot').length")
    drawn = browser.run(
        "return [...document.querySelectorAll('.plot')].filter(p => p.querySelector('.main-svg')).length"
    )
    assert plots >= 8
    assert drawn == plots
    assert not browser.run("return [...document.querySelectorAll('.plot')].some(p => p.clientHeight < 200)")


def test_hovering_a_bar_names_it(browser: Browser, written: Path) -> None:
    browser.open(written)
    browser.run("Plotly.Fx.hover('p0', [{curveNumber: 0, pointNumber: 0}])")
    browser.wait("document.querySelector('#p0 .hovertext')")
    assert "body.conv" in browser.run("return document.querySelector('#p0 .hovertext').textContent")


def test_the_theme_is_switched_with_the_keyboard(browser: Browser, written: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(written)
    paper = "return getComputedStyle(document.querySelector('#p0 .main-svg')).backgroundColor"
    before = browser.run(paper)
    browser.run("delete document.documentElement.dataset.drawn; document.getElementById('theme').focus()")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait("document.documentElement.dataset.drawn")
    assert browser.run("return document.getElementById('theme').getAttribute('aria-pressed')") == "true"
    assert browser.run(paper) != before


def test_every_table_opens_from_the_keyboard(browser: Browser, written: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(written)
    browser.run("document.querySelector('summary').focus()")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.run("return document.querySelector('details').open")
    assert "body.conv" in browser.run("return document.querySelector('details table').innerText")


def test_points_dragged_over_are_named(browser: Browser, written: Path) -> None:
    browser.open(written)
    last = browser.run("return document.querySelectorAll('.plot').length - 1")
    browser.run(f"document.getElementById('p{last}').emit('plotly_selected', {{points: [{{customdata: 'large'}}]}})")
    assert browser.run(f"return document.getElementById('b{last}').textContent") == "1 chosen: large"


def test_it_prints_light_and_stays_as_it_was(browser: Browser, written: Path) -> None:
    browser.open(written)
    browser.run("document.getElementById('theme').click()")
    pdf = base64.b64decode(browser.print_to_pdf())
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 20_000
    assert browser.run("return document.documentElement.dataset.theme") == "dark"


def test_nothing_in_a_name_is_run(browser: Browser, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    name = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    record = run(networks=[network(name=name, measurements=[layer(0, name, 10_000), whole(11_000)])])
    path = tmp_path / "report.html"
    path.write_text(page(name, [section(record, record.networks[0])]), encoding="utf-8")
    browser.open(path)
    assert browser.run("return window.hacked === undefined && document.images.length === 0")


@pytest.mark.parametrize("count", [200, 10_000])
def test_a_large_network_opens_at_once(browser: Browser, tmp_path: Path, count: int) -> None:
    """The page has no more than the browser can draw; the best of three loads, since others use the machine too."""
    pytest.importorskip("plotly")
    layers = [layer(i, f"blocks.{i}.conv", 10_000 + 7 * i) for i in range(count)]
    record = run(networks=[network(measurements=[*layers, whole(sum(10_000 + 7 * i for i in range(count)))])])
    path = tmp_path / "report.html"
    path.write_text(page("large", [section(record, record.networks[0])]), encoding="utf-8")
    assert path.stat().st_size < 6_000_000
    times = []
    for _ in range(3):
        browser.open(path)
        times.append(int(browser.run("return document.documentElement.dataset.firstDrawn")))
    assert min(times) < FIRST_PLOT_MS


def test_a_report_needs_a_run_that_has_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(tmp_path / "store.db") as store:
        store.add_run(run(networks=[network(measurements=[])]))
    assert main(["report", "--store", str(tmp_path / "store.db"), "-o", str(tmp_path / "r.html")]) == 2
    assert "has no measurements yet" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


def test_without_plotly_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store(tmp_path / "store.db") as store:
        store.add_run(run())
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    assert main(["report", "--store", str(tmp_path / "store.db"), "-o", str(tmp_path / "r.html")]) == 7
    assert "augur-edge[report]" in capsys.readouterr().err


def test_another_store_stands_for_its_last_run(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    other: RunRecord = run(networks=[network(name="elsewhere")])
    with Store(tmp_path / "other.db") as store:
        store.add_run(other)
    out = tmp_path / "r.html"
    assert main(["report", str(tmp_path / "other.db"), "--store", str(tmp_path / "none.db"), "-o", str(out)]) == 0
    assert "elsewhere on onnxruntime" in out.read_text(encoding="utf-8")
