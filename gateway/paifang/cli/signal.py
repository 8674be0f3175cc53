"""`paifang signal`: traffic signals, from the engineer's files to the street and back."""

import typer

from paifang.cli.signal_days import app as days
from paifang.cli.signal_insight import congestion, wave
from paifang.cli.signal_log import log
from paifang.cli.signal_plan import app as plan
from paifang.cli.signal_site import app as site
from paifang.cli.signal_status import status

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Traffic signals: site records, plans, and what junctions do.",
)
for command in (status, log, congestion, wave):
    app.command()(command)
app.add_typer(site, name="site")
app.add_typer(plan, name="plan")
app.add_typer(days, name="days")
