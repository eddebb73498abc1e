"""A headless Chromium, as Debian packages it with its driver. Nothing is downloaded; nobody but this machine is asked."""

import os
import shutil

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",  # its sandbox refuses to be run by root, as in a container; it sees nothing but our own pages
    "--disable-dev-shm-usage",  # which is small in a container
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
SHOWN_WITHIN_SECONDS = 20


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Start a browser that knows nothing yet, and end it after the last test."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("Chromium and its driver are not installed: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="`nox -s browser` brings what steers the browser")
    home = tmp_path_factory.mktemp("home")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={home}/profile"]:
        options.add_argument(flag)
    # Unless it is told where a driver is, Selenium looks for one and downloads it.
    driver = webdriver.ChromeService(DRIVER, env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": f"{home}/config"})
    with webdriver.Chrome(options, driver) as chromium:
        chromium.set_page_load_timeout(SHOWN_WITHIN_SECONDS)
        chromium.implicitly_wait(SHOWN_WITHIN_SECONDS)
        yield chromium
