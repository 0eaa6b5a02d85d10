"""The page: sections as HTML by jinja2, with the script of plotly in it."""

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.reporting.report.evidence import Article, Evidence
from bench.reporting.report.plotly_figure import plotly_figure
from bench.reporting.report.sections import by_method, class_confusions, outcome, provenance, representation
from cellbench.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECTIONS = (
    outcome.answer,
    outcome.methods_table,
    by_method.f1_by_method,
    by_method.l1_by_method,
    representation.pictures,
    representation.radius,
    outcome.share_of_way,
    representation.classes,
    class_confusions.neighbouring_stage,
    class_confusions.natural_frequencies,
    representation.embedding_map,
    representation.relations,
    provenance.cost,
    provenance.trials_table,
    provenance.environment,
    provenance.commands,
)
"""The sections of a report in their order: functions of the evidence."""
TEMPLATES = Path(__file__).parents[1] / "templates"


def article(evidence: Evidence) -> Article:
    """Return the part of the page about a search or reproduction. Sections without data are included."""
    under = f"{evidence.kind.capitalize()} on the data set {evidence.dataset}"
    return Article(evidence.name, under, tuple(make(evidence) for make in SECTIONS))


def page(articles: "Sequence[Article]", stills: "Mapping[tuple[str, str], bytes]") -> str:
    """Return the whole page.

    Args:
        articles: Its parts.
        stills: PNG of each chart, by the names of the part and of the chart; shown in print and without scripts. A
            chart without one is printed as the browser shows it.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,  # names of files and classes come from data that a stranger may have made
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.globals |= {"figure_json": _figure_json, "data_uri": _data_uri, "picture_uri": _picture_uri}
    # The script is set in afterwards: it is ours, and 5 MB of it need no escaping.
    text = environment.get_template("report.html").render(
        articles=articles,
        stills=stills,
        title=" · ".join(each.name for each in articles),
        style=_style(),
        n_charts=sum(len(section.charts) for each in articles for section in each.sections),
    )
    return text.replace("/*plotly.js*/", get_plotlyjs().replace("</script", "<\\/script"), 1)


def _style() -> Any:
    from markupsafe import Markup

    return Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))


def _figure_json(chart: Any) -> Any:
    """Return the figure of a chart as JSON that can stand in a script element: it has no `<`, `>` and `&`."""
    from jinja2.utils import htmlsafe_json_dumps

    return htmlsafe_json_dumps(plotly_figure(chart), dumps=lambda value, **_: json.dumps(value, allow_nan=False))


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _picture_uri(picture: Any) -> str:
    ending, data = next(iter(picture.files.items()))
    return _data_uri(data, ending)
