"""HTML: plain pages without scripts, in which all that is said is escaped."""

from collections.abc import Iterable, Mapping
from html import escape

from billing_adapters.simulator.exchange import Answer

__all__ = ["button", "field", "form", "link", "listed", "paragraph", "shown", "table", "warning"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: system-ui, sans-serif; line-height: 1.5; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }}
label {{ display: block; margin-top: 0.75rem; }}
input {{ display: block; width: 100%; box-sizing: border-box; font: inherit; padding: 0.4rem; }}
button {{ font: inherit; margin: 1rem 0.5rem 0 0; padding: 0.5rem 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; padding: 0.25rem 0.5rem 0.25rem 0; }}
[aria-invalid] {{ border: 2px solid #b00020; }}
[role="alert"] {{ border-left: 0.3rem solid #b00020; padding-left: 0.75rem; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
_WARNING = "warning"
_NO_SCRIPTS = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


def shown(title: str, body: Iterable[str], status: int = 200) -> Answer:
    """Return a page."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _NO_SCRIPTS,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(status, headers, _PAGE.format(title=escape(title), body="\n".join(body)).encode())


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escape(text)}</p>"


def warning(text: str) -> str:
    """Return what somebody must know at once; a page has one."""
    return f'<p id="{_WARNING}" role="alert">{escape(text)}</p>'


def link(text: str, address: str) -> str:
    """Return a link."""
    return f'<p><a href="{escape(address)}">{escape(text)}</a></p>'


def field(name: str, label: str, value: str = "", *, wrong: bool = False, **attributes: str) -> str:
    """Return a field with its label; the one that is wrong is where a person goes on, and is read out with the warning."""
    marked = {"aria-invalid": "true", "aria-describedby": _WARNING, "autofocus": ""} if wrong else {}
    more = "".join(f' {one}="{escape(text)}"' for one, text in {**attributes, **marked}.items())
    return (
        f'<label for="{escape(name)}">{escape(label)}</label>\n'
        f'<input id="{escape(name)}" name="{escape(name)}" value="{escape(value)}"{more}>'
    )


def button(text: str, action: str) -> str:
    """Return a button that sends its form, and says for what."""
    return f'<button name="action" value="{escape(action)}">{escape(text)}</button>'


def form(parts: Iterable[str]) -> str:
    """Return a form that is sent to its own page."""
    return "\n".join(['<form method="post">', *parts, "</form>"])


def table(caption: str, rows: Iterable[Mapping[str, str]]) -> str:
    """Return a table with a caption; each row names the same columns."""
    lines = list(rows)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in lines[0]) if lines else ""
    cells = ["".join(f"<td>{escape(value)}</td>" for value in line.values()) for line in lines]
    body = "\n".join(f"<tr>{line}</tr>" for line in cells)
    head = f"<caption>{escape(caption)}</caption>\n<thead><tr>{heads}</tr></thead>"
    return f"<table>\n{head}\n<tbody>\n{body}\n</tbody>\n</table>"


def listed(title: str, rows: Iterable[str], otherwise: str) -> str:
    """Return a section with a list, or with what is said if it is empty."""
    lines = "\n".join(f"<li>{escape(one)}</li>" for one in rows)
    return f"<h2>{escape(title)}</h2>\n" + (f"<ul>\n{lines}\n</ul>" if lines else paragraph(otherwise))
