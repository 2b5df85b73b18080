"""``counterpoise db``: the database of a config: its schema, its size, a backup."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.figures import count
from counterpoise.cli.options import AsJson, ConfigOption, File
from counterpoise.cli.output import print_json

app = typer.Typer(
    help="The database: upgrade, downgrade, current, size, backup.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def upgrade(ctx: typer.Context, file: File = None, config: ConfigOption = None) -> None:
    """Bring the schema up to this version; create what is not there."""
    url = loaded.outline(ctx, file, config).store_url

    from counterpoise.app import upkeep

    print(f"{url}: schema {asyncio.run(upkeep.upgrade(url))}")


@app.command()
def downgrade(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    to: Annotated[
        str, typer.Option("--to", metavar="REVISION", help="Which revision; base drops every row.")
    ] = "-1",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the schema down; rows may be lost, so make a backup first."""
    url = loaded.outline(ctx, file, config).store_url
    if not yes:
        typer.confirm(_question(url, to), abort=True, err=True)

    from counterpoise.app import upkeep

    print(f"{url}: schema {asyncio.run(upkeep.downgrade(url, to)) or 'none'}")


def _question(url: str, to: str) -> str:
    if to == "base":
        return f"Drop every table of {url}, with all rows?"
    steps = int(to[1:]) if to.startswith("-") and to[1:].isdecimal() else 0
    how = f"back by {count(steps, 'revision')}" if steps else f"to revision {to}"
    return f"Take the schema of {url} {how}? Rows may be lost."


@app.command()
def current(
    ctx: typer.Context, file: File = None, config: ConfigOption = None, as_json: AsJson = False
) -> None:
    """Print the database's schema revision, and the one needed."""
    url = loaded.outline(ctx, file, config).store_url

    from counterpoise.record.sql import migrate
    from counterpoise.record.sql.tables import SCHEMA

    found = migrate.current(url)
    if as_json:
        print_json({"store": url, "revision": found, "needed": SCHEMA})
        return
    verdict = "as needed" if found == SCHEMA else f"this version needs {SCHEMA}"
    print(f"{url}: schema {found or 'none'}, {verdict}")


@app.command()
def size(
    ctx: typer.Context, file: File = None, config: ConfigOption = None, as_json: AsJson = False
) -> None:
    """Print how big the database is, and the rows of each table."""
    url = loaded.outline(ctx, file, config).store_url

    from counterpoise.record.sql import backup as store

    found = store.size(url)
    if as_json:
        print_json(
            {
                "store": url,
                "database_bytes": found.database_bytes,
                "wal_bytes": found.wal_bytes,
                "rows": dict(found.rows),
            }
        )
        return
    print(f"{found.path}: {found.database_bytes:,} bytes, and {found.wal_bytes:,} in its log")
    for table, rows in found.rows.items():
        print(f"  {table}: {count(rows, 'row')}")


@app.command()
def backup(
    ctx: typer.Context,
    destination: Annotated[
        Path, typer.Argument(metavar="DESTINATION", help="The copy; must not exist yet.")
    ],
    file: File = None,
    config: ConfigOption = None,
) -> None:
    """Copy the database, also while a daemon writes to it."""
    url = loaded.outline(ctx, file, config).store_url

    from counterpoise.record.sql import backup as store

    store.backup(url, destination)
    print(f"{destination}: a whole copy of {url}")
