"""`billing catalog`: what is sold, and what is wrong with how it is described."""

from collections.abc import Iterable, Sequence

from billing_adapters.cli.screen import output, plain, say, table
from billing_adapters.cli.session import opened
from billing_core.domain.products import Problem, Product, Severity, quarantined

__all__ = ["catalog"]


def catalog() -> None:
    """Show every product, what a purchase entitles to, and what is wrong with its metadata."""
    with opened() as billing:
        products, problems = billing.catalog.products(), billing.catalog.problems()
    bad = {problem.product for problem in quarantined(problems)}
    shown = table(
        "product", "name", "credits", "tier", "features", "state", numbers=("credits",), whole=("product", "state")
    )
    for product in products:
        shown.add_row(*plain(*_row(product)), "[red]quarantined[/]" if product.id in bad else _state(product))
    output.print(shown)
    _explain(problems)


def _row(product: Product) -> Iterable[str]:
    terms = product.terms
    granted = f"{terms.credit_amount:,} {terms.credit_type}" if terms.credit_type else "-"
    return product.id, product.name, granted, terms.plan_tier or "-", ", ".join(terms.feature_flags) or "-"


def _state(product: Product) -> str:
    return "active" if product.active else "archived"


def _explain(problems: Sequence[Problem]) -> None:
    for problem in problems:
        style = "red" if problem.severity is Severity.ERROR else "yellow"
        say(f"{problem.severity}: {problem.product}: {problem}", style)
