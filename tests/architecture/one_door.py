"""An import-linter contract: a third-party library is imported behind its doors only.

Used by ``.importlinter``. The contracts that come with import-linter fail when a named module
does not exist; here a door may be listed before its room is built, and a library nobody imports
breaks nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importlinter import Contract, ContractCheck, fields, output

if TYPE_CHECKING:
    from grimp import ImportGraph


def trespassers(graph: ImportGraph, library: str, doors: list[str]) -> list[str]:
    """Return the modules outside the packages ``doors`` that import ``library`` directly."""
    if library not in graph.modules:
        return []
    return sorted(
        importer
        for importer in graph.find_modules_that_directly_import(library)
        if not any(importer == door or importer.startswith(f"{door}.") for door in doors)
    )


class OneDoorContract(Contract):
    """``libraries`` (top-level names) may be imported directly only by ``doors`` (packages)."""

    type_name = "one_door"

    libraries = fields.ListField(subfield=fields.StringField())
    doors = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        del verbose  # the contract has nothing more to tell
        found = [
            (library, importer)
            for library in self.libraries
            for importer in trespassers(graph, library, self.doors)
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for library, importer in check.metadata["found"]:
            output.print_error(
                f"{importer} imports {library}, expected only {', '.join(self.doors)}"
            )
